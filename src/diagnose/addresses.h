// Where an address lies relative to what is mapped, in words.
//
// Pure and thread-safe.
#pragma once

#include <string>

#include "evidence/model/case.h"

namespace segwhy {

// "unmapped, 12.0 KiB above libfoo.so (r-xp)".
[[nodiscard]] std::string describe_place(const Fault& fault);
// "log.txt", "[heap]", "an anonymous mapping (rw-p)".
[[nodiscard]] std::string describe(const MappingInfo& mapping);

}  // namespace segwhy
