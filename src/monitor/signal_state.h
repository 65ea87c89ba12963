// The signal mask and dispositions Segwhy was started with: what the program must be started with too.
//
// nohup, a shell's background jobs and supervisors say things with ignored and blocked signals; the front changes its
// own and the child puts the received ones back before exec.
#pragma once

#include <csignal>
#include <cstdint>

namespace segwhy {

class SignalState {
 public:
  // Reads the process's state. Call before changing any signal.
  static SignalState capture();

  // Puts mask and dispositions back. Async-signal-safe.
  void restore() const;

 private:
  sigset_t mask_{};
  sigset_t ignored_{};
};

// Asks a program to end: from the terminal, a supervisor or a user.
[[nodiscard]] bool interrupts(std::uint32_t signal);

// Blocks all signals. (A fault of the calling process itself still ends it: the kernel forces those.)
void block_all_signals();

// Ends the process as one that `signal` killed: no core file of ours, no handler. Falls back to exit status 128 +
// signal where a signal cannot end this process (the first one of a PID namespace).
[[noreturn]] void die_by_signal(int signal);

// Ends the process as `wait_status` (of waitpid) says another one ended.
[[noreturn]] void end_like(int wait_status);

}  // namespace segwhy
