// The application's signal actions against the kernel's.
//
// For a crash signal, and for a terminating one whose action is the default, the kernel's action is the runtime's
// entry; the application sees and sets its own action, kept here. All other actions go to the kernel as they are,
// less the synchronous signals in their sa_mask (signal_sets.h says why). SIG_IGN always goes to the kernel: it must
// survive exec and must not interrupt system calls. (So a real fault of a program that ignores the signal is not
// handed over.)
//
// Thread-safe and async-signal-safe.
#pragma once

#include <signal.h>

#include "runtime/crash/signal_sets.h"

namespace segwhy::runtime {

// An action as the application gave it; zero: the default one.
struct Action {
  uintptr_t handler;  // or SIG_DFL, SIG_IGN
  SignalMask mask;
  uintptr_t restorer;
  int flags;

  [[nodiscard]] bool is_default() const { return handler == 0; }
  [[nodiscard]] bool calls_handler() const { return handler > 1; }
};

// Takes the crash and terminating signals over. Actions that were set before are kept as the application's.
void install_handlers();

// sigaction(2) in the application's view: same results, same errno.
int set_application_action(int signal, const struct sigaction* action, struct sigaction* old);

// What the application has set for `signal`. For use in handlers: never waits.
[[nodiscard]] Action application_action(int signal);

// The effect of SA_RESETHAND: the action becomes the default one, flags and mask stay.
void reset_application_action(int signal);

// In a forked child: forgets a lock that another thread of the parent may have held.
void reset_dispositions_lock();

}  // namespace segwhy::runtime
