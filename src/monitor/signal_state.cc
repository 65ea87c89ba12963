#include "monitor/signal_state.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace segwhy {

SignalState SignalState::capture() {
  SignalState state;
  ::sigprocmask(SIG_SETMASK, nullptr, &state.mask_);
  ::sigemptyset(&state.ignored_);
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action {};
    if (::sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN)
      ::sigaddset(&state.ignored_, number);
  }
  return state;
}

void SignalState::restore() const {
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action {};
    action.sa_handler = ::sigismember(&ignored_, number) == 1 ? SIG_IGN : SIG_DFL;
    ::sigaction(number, &action, nullptr);
  }
  ::sigprocmask(SIG_SETMASK, &mask_, nullptr);
}

bool interrupts(std::uint32_t signal) {
  return signal == SIGINT || signal == SIGTERM || signal == SIGQUIT || signal == SIGHUP;
}

void block_all_signals() {
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
}

void die_by_signal(int signal) {
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  ::prctl(PR_SET_DUMPABLE, 0);
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  ::sigaction(signal, &action, nullptr);
  sigset_t only;
  ::sigemptyset(&only);
  ::sigaddset(&only, signal);
  ::kill(::getpid(), signal);
  ::sigprocmask(SIG_UNBLOCK, &only, nullptr);
  ::_exit(128 + signal);
}

void end_like(int wait_status) {
  if (WIFSIGNALED(wait_status)) die_by_signal(WTERMSIG(wait_status));
  ::_exit(WEXITSTATUS(wait_status));
}

}  // namespace segwhy
