// Which framework was at work on the crashing thread, and on what: op, node, inputs.
#pragma once

#include <optional>
#include <vector>

#include "evidence/model/case.h"
#include "evidence/model/snapshot.h"

namespace segwhy {

// `threads`: already symbolised, the crashed one first; `modules`: from symbols/. nullopt when no known framework is
// loaded or nothing about it can be shown. Everything read is validated; never throws on garbage.
[[nodiscard]] std::optional<Framework> read_framework(const Snapshot& snapshot, const std::vector<Thread>& threads,
                                                      const std::vector<Module>& modules);

}  // namespace segwhy
