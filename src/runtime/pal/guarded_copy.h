// Copies memory that may not be there. A fault in the copy ends it early instead of killing the process; the fault
// handler (crash/handler.cc) asks fix_up_guarded_copy() first. No system call, async-signal-safe, thread-safe.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

namespace segwhy::runtime::pal {

// Bytes copied: fewer than `size` when the source or the destination faulted.
size_t guarded_copy(void* destination, const void* source, size_t size);

// The word at `address`; false when it cannot be read. Costs a call, unlike the copy, which costs some 20 ns at least.
[[nodiscard]] bool guarded_load(uintptr_t address, uint64_t& out);

// When `context` was interrupted inside the copy: makes it return early, and returns true.
[[nodiscard]] bool fix_up_guarded_copy(ucontext_t& context);

// rax: the word; edx: 1, or 0 when it faulted.
struct GuardedWord {
  uint64_t word, readable;
};
extern "C" __attribute__((visibility("hidden"))) GuardedWord segwhy_guarded_load(uintptr_t address);

inline bool guarded_load(uintptr_t address, uint64_t& out) {
  const GuardedWord loaded = segwhy_guarded_load(address);
  out = loaded.word;
  return loaded.readable != 0;
}

}  // namespace segwhy::runtime::pal
