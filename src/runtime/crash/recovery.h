// A net under the runtime's own code in the signal handler: a fault there ends that piece of work, not the process.
// Async-signal-safe, per thread, not nested.
#pragma once

#include "runtime/crash/thread_state.h"

namespace segwhy::runtime {

// Calls function(argument). False when it faulted and was given up half way.
[[nodiscard]] bool run_recoverably(ThreadState& thread, void (*function)(void*), void* argument);

// True while `thread`, the calling one, is inside run_recoverably().
[[nodiscard]] bool runs_recoverably(const ThreadState& thread);

// For the handler of a fault inside run_recoverably(): makes it return false.
[[noreturn]] void give_up_faulted(ThreadState& thread);

}  // namespace segwhy::runtime
