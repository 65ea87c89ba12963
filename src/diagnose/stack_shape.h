// The shape of a deep stack: which frames repeat, how often and how large one round is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evidence/model/case.h"

namespace segwhy {

struct StackCycle {
  std::vector<std::string> functions;            // one round, innermost first
  std::uint64_t rounds = 0;                      // seen among the frames that were kept
  std::uint64_t depth = 0;                       // of the whole stack
  std::optional<std::uint64_t> bytes_per_round;  // native stacks only
};

// The shortest group of frames that repeats at least eight times at the inner end of the stack, possibly behind a few
// frames that do not belong to it (the call that happened to hit the end); nullopt when there is none.
[[nodiscard]] std::optional<StackCycle> native_cycle(const Thread& thread);
[[nodiscard]] std::optional<StackCycle> python_cycle(const Thread& thread);

}  // namespace segwhy
