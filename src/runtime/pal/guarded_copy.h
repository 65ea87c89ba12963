// Copies memory that may not be there. A fault in the copy ends it early instead of killing the process; the fault
// handler (crash/handler.cc) asks fix_up_guarded_copy() first. No system call, async-signal-safe, thread-safe.
#pragma once

#include <stddef.h>
#include <ucontext.h>

namespace segwhy::runtime::pal {

// Bytes copied: fewer than `size` when the source or the destination faulted.
size_t guarded_copy(void* destination, const void* source, size_t size);

// When `context` was interrupted inside the copy: makes it return early, and returns true.
[[nodiscard]] bool fix_up_guarded_copy(ucontext_t& context);

}  // namespace segwhy::runtime::pal
