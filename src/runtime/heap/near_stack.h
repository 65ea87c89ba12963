// Whether an address can be a local variable of a thread that is calling. Pure; no state, no system call.
#pragma once

#include <stdint.h>

namespace segwhy::runtime::heap {

// So far above the caller's frame a local variable of it or of its callers can lie.
inline constexpr uintptr_t kNearStack = 64 * 1024;

// `thread` is the thread's control block. On a stack that pthread_create was given or made it is the end of what
// functions use, and the next mapping, right behind, is often the thread's own heap: blocks there are no locals. The
// main thread's lies elsewhere, and nothing lies near behind its stack.
[[nodiscard]] constexpr bool is_near_stack(uintptr_t address, uintptr_t frame, uintptr_t thread) {
  const bool ends_stack = thread >= frame && thread - frame < kNearStack;
  return address >= frame && address - frame < (ends_stack ? thread - frame : kNearStack);
}

}  // namespace segwhy::runtime::heap
