// Whether an address can be a local variable of a thread that is calling. Pure; no state, no system call.
#pragma once

#include <stdint.h>

namespace segwhy::runtime::heap {

// So far above the caller's frame a local variable of it or of its callers can lie.
inline constexpr uintptr_t kNearStack = 64 * 1024;

// The main thread's stack begins no further below its top than this when a limit is usual; mappings lie further off.
inline constexpr uintptr_t kMainStack = 16 * 1024 * 1024;

// `thread` is the thread's control block: on a stack that pthread_create was given or made it is the end of what
// functions use, and the next mapping, right behind, is often the thread's own heap, whose blocks are no locals.
// `stack_top`: of the main thread's stack. A frame on neither kind of stack (a fibre's, which may lie in the heap)
// tells nothing about what lies above it.
[[nodiscard]] constexpr bool is_near_stack(uintptr_t address, uintptr_t frame, uintptr_t thread, uintptr_t stack_top) {
  const bool ends_thread = thread >= frame && thread - frame < kNearStack;
  const bool on_main = stack_top >= frame && stack_top - frame < kMainStack;
  if (!ends_thread && !on_main) return false;
  const uintptr_t end = ends_thread ? thread : stack_top;
  return address >= frame && address < end && address - frame < kNearStack;
}

}  // namespace segwhy::runtime::heap
