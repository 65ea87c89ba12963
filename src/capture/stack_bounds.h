// Where a thread's stack lies, from the mappings and its registers. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "evidence/model/snapshot.h"

namespace segwhy {

struct StackBounds {
  TargetAddr start, end;  // half-open; both null when not known
};

// A main thread's stack is [stack], extended down to where `stack_limit` (RLIMIT_STACK, bytes) or the mapping below
// ends it: the kernel maps the pages as they are used. Any other is the mapping that holds its stack pointer. When the
// stack pointer has left every usable mapping (an overflow): the one right above the guard it is in, or the one that
// holds the thread's control block, which glibc puts at the top of the stack.
[[nodiscard]] StackBounds find_stack(const std::vector<Mapping>& mappings, const Registers& registers,
                                     std::optional<std::uint64_t> stack_limit);

}  // namespace segwhy
