// Handing a fatal signal over to the monitor: fill a CrashRecord, wake it, serve its requests, wait to be released.
// Runs in the signal handler, on the thread's own alternate stack where it has one. Bounded in time; no allocation, no
// lock that the crashed code may hold; errno is never touched.
#pragma once

#include "runtime/crash/signal_event.h"
#include "runtime/crash/thread_state.h"

namespace segwhy::runtime {

// Returns when the monitor released the signal, died, or took longer than allowed. A fault of the runtime's own on the
// way ends the hand-over early.
void hand_over(const SignalEvent& event);

// True while `thread`, the calling one, is inside hand_over().
[[nodiscard]] bool handing_over(const ThreadState& thread);

// After a fault of the runtime's own inside hand_over(): continues at its end.
[[noreturn]] void abandon_hand_over(ThreadState& thread);

}  // namespace segwhy::runtime
