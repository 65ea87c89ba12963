// The runtime's signal handler: hands a fatal signal over to the monitor, then lets it take the course that it would
// have taken without the runtime.
//
// Where the course can differ from a plain run:
// - A signal resent to die of (all but plain CPU faults) is delivered when the handler returns, with its original
//   siginfo: core and status are the same, the kernel's "segfault at" log line is not written for it.
// - The application's handler for a fault is entered on the interrupted stack, or on its own alternate stack, with the
//   mask and arguments that the kernel would give; its ucontext names the runtime's alternate stack in uc_stack when
//   the application has none.
// - A thread whose application has SA_ONSTACK handlers for other signals but set no alternate stack runs them on the
//   runtime's (64 KiB or more) instead of its own.
// - A synchronous signal that another process sends while the application blocks it is pended for real from its first
//   arrival on; that arrival interrupts a system call which is not restartable.
#pragma once

#include <signal.h>

#include "runtime/crash/signal_event.h"

namespace segwhy::runtime {

// Hands `event` over on a stack with room for that, with a net under it. True when it was handed over.
bool hand_over_if_wanted(const SignalEvent& event);

// What the kernel calls for every signal of install_handlers().
void on_signal(int signal, siginfo_t* info, void* context);

// In a forked child: the limit on captured handled signals counts per process.
void reset_handled_count();

}  // namespace segwhy::runtime
