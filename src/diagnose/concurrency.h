// What the other threads were doing when one died. Pure and thread-safe.
#pragma once

#include <string>
#include <vector>

#include "diagnose/facts.h"

namespace segwhy {

// Other threads that were at work in the same library, or changing the memory map, at the moment of death: leads to a
// race. One sentence each.
[[nodiscard]] std::vector<std::string> concurrent_activity(const Facts& facts);

}  // namespace segwhy
