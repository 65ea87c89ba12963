// Notes in the ProcessRecord what the process's threads were started for, so that a forked child can be told whose
// threads it has lost. Lock-free; not async-signal-safe (neither is what it is called from).
#pragma once

#include <stdint.h>

#include "evidence/wire/session.h"

namespace segwhy::runtime {

// Index+1 of the entry that counts the new thread; 0: none was free.
[[nodiscard]] uint32_t note_thread_start(void* (*start)(void*), const void* argument);
void note_thread_end(uint32_t entry);

// What `child` has lost of `parent`.
void inherit_thread_starts(const wire::ProcessRecord& parent, wire::ProcessRecord& child);

}  // namespace segwhy::runtime
