// sigaction(2) and the older calls that set signal actions, which glibc builds on its own sigaction out of reach.
// Each does what its glibc namesake does, in the application's view of actions and masks.
#include <errno.h>
#include <signal.h>

#include "runtime/abi/export.h"
#include "runtime/crash/dispositions.h"
#include "runtime/pal/atomic.h"

namespace segwhy::runtime {
namespace {

// Signals whose system calls siginterrupt() made end with EINTR; signal() honours it.
SignalMask interrupting;

__sighandler_t fail_invalid() {
  errno = EINVAL;
  return SIG_ERR;
}

[[nodiscard]] bool is_valid(int signal) {
  return signal >= 1 && signal <= pal::kMaxSignal;
}

// signal() in BSD's semantics.
__sighandler_t set_bsd(int signal, __sighandler_t handler) {
  if (handler == SIG_ERR || !is_valid(signal)) return fail_invalid();
  struct sigaction action {};
  struct sigaction old {};
  action.sa_handler = handler;
  sigaddset(&action.sa_mask, signal);
  action.sa_flags = in_mask(pal::load(interrupting), signal) ? 0 : SA_RESTART;
  return set_application_action(signal, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

// signal() in System V's semantics: one shot, not deferred.
__sighandler_t set_system_v(int signal, __sighandler_t handler) {
  if (handler == SIG_ERR || !is_valid(signal)) return fail_invalid();
  struct sigaction action {};
  struct sigaction old {};
  action.sa_handler = handler;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
  return set_application_action(signal, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

// Blocks or unblocks one signal through the exported sigprocmask; true when it was blocked.
bool change_blocked(int how, int signal) {
  sigset_t set;
  sigset_t old;
  sigemptyset(&set);
  sigaddset(&set, signal);
  sigprocmask(how, &set, &old);
  return sigismember(&old, signal) == 1;
}

}  // namespace
}  // namespace segwhy::runtime

using segwhy::runtime::set_application_action;

SEGWHY_EXPORT int sigaction(int signal, const struct sigaction* action, struct sigaction* old) noexcept {
  return set_application_action(signal, action, old);
}

SEGWHY_EXPORT int __sigaction(int signal, const struct sigaction* action, struct sigaction* old) noexcept {
  return set_application_action(signal, action, old);
}

SEGWHY_EXPORT __sighandler_t signal(int number, __sighandler_t handler) noexcept {
  return segwhy::runtime::set_bsd(number, handler);
}

SEGWHY_EXPORT __sighandler_t bsd_signal(int number, __sighandler_t handler) noexcept {
  return segwhy::runtime::set_bsd(number, handler);
}

SEGWHY_EXPORT __sighandler_t ssignal(int number, __sighandler_t handler) noexcept {
  return segwhy::runtime::set_bsd(number, handler);
}

SEGWHY_EXPORT __sighandler_t sysv_signal(int number, __sighandler_t handler) noexcept {
  return segwhy::runtime::set_system_v(number, handler);
}

SEGWHY_EXPORT __sighandler_t __sysv_signal(int number, __sighandler_t handler) noexcept {
  return segwhy::runtime::set_system_v(number, handler);
}

SEGWHY_EXPORT __sighandler_t sigset(int number, __sighandler_t disposition) noexcept {
  using namespace segwhy::runtime;
  if (disposition == SIG_ERR || !is_valid(number)) return fail_invalid();
  struct sigaction action {};
  struct sigaction old {};
  if (disposition == SIG_HOLD) {
    if (change_blocked(SIG_BLOCK, number)) return SIG_HOLD;
    return set_application_action(number, nullptr, &old) == 0 ? old.sa_handler : SIG_ERR;
  }
  action.sa_handler = disposition;
  if (set_application_action(number, &action, &old) != 0) return SIG_ERR;
  return change_blocked(SIG_UNBLOCK, number) ? SIG_HOLD : old.sa_handler;
}

SEGWHY_EXPORT int sigignore(int number) noexcept {
  struct sigaction action {};
  action.sa_handler = SIG_IGN;
  return set_application_action(number, &action, nullptr);
}

SEGWHY_EXPORT int siginterrupt(int number, int interrupt) noexcept {
  using namespace segwhy::runtime;
  struct sigaction action {};
  if (set_application_action(number, nullptr, &action) != 0) return -1;
  if (interrupt != 0) {
    __atomic_fetch_or(&interrupting, signal_bit(number), __ATOMIC_ACQ_REL);
    action.sa_flags &= ~SA_RESTART;
  } else {
    __atomic_fetch_and(&interrupting, ~signal_bit(number), __ATOMIC_ACQ_REL);
    action.sa_flags |= SA_RESTART;
  }
  return set_application_action(number, &action, nullptr);
}
