// Handing a fatal signal over to the monitor: fill a CrashRecord, wake it, serve its requests, wait to be released.
// Runs in the signal handler, on the thread's own alternate stack where it has one. Bounded in time; no allocation, no
// lock that the crashed code may hold; errno is never touched.
#pragma once

#include "runtime/crash/signal_event.h"
#include "runtime/crash/thread_state.h"

namespace segwhy::runtime {

// Returns when the monitor released the signal, died, or took longer than allowed.
void hand_over(const SignalEvent& event);

// After hand_over() faulted half way on `thread`, the calling one: leaves the record as evidence of that.
void abandon_hand_over(const ThreadState& thread);

}  // namespace segwhy::runtime
