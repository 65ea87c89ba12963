// Signal masks: synchronous signals are never blocked for real, but reported as if (crash/signal_sets.h).
#include <errno.h>

#include "runtime/abi/export.h"
#include "runtime/crash/process.h"
#include "runtime/crash/thread_state.h"
#include "runtime/pal/next.h"

namespace segwhy::runtime {
namespace {

using MaskFunction = int (*)(int, const sigset_t*, sigset_t*);

// Both functions differ only in how they report an error, which `function` does.
int change_application_mask(MaskFunction function, int how, const sigset_t* set, sigset_t* old) {
  ThreadState* const thread = session() != nullptr ? thread_state() : nullptr;
  const bool valid = how == SIG_BLOCK || how == SIG_UNBLOCK || how == SIG_SETMASK;
  if (thread == nullptr || (set != nullptr && !valid)) return function(how, set, old);

  const SignalMask before = pal::current_mask();
  const SignalMask seen = thread->mask.application_mask(before);
  if (set != nullptr) {
    const MaskChange change = change_view(thread->mask, before, how, pal::to_mask(*set));
    sigset_t kernel_set = *set;
    pal::store_mask(kernel_set, change.kernel);
    // The note goes first where it says more, last where it says less: a signal in between finds too much blocked,
    // which the kernel's mask corrects, never too little.
    if (how == SIG_BLOCK) thread->mask = change.view;
    const int result = function(how, &kernel_set, nullptr);
    if (result != 0) return result;
    thread->mask = change.view;
  }
  if (old != nullptr) {
    sigemptyset(old);
    pal::store_mask(*old, seen);
  }
  return 0;
}

// The System V calls, on top of sigprocmask as in glibc.
int change_one(int how, int signal) {
  sigset_t set;
  sigemptyset(&set);
  if (sigaddset(&set, signal) != 0) return -1;
  return change_application_mask(pal::next().sigprocmask, how, &set, nullptr);
}

}  // namespace
}  // namespace segwhy::runtime

SEGWHY_EXPORT int sigprocmask(int how, const sigset_t* set, sigset_t* old) noexcept {
  return segwhy::runtime::change_application_mask(segwhy::runtime::pal::next().sigprocmask, how, set, old);
}

SEGWHY_EXPORT int pthread_sigmask(int how, const sigset_t* set, sigset_t* old) noexcept {
  return segwhy::runtime::change_application_mask(segwhy::runtime::pal::next().pthread_sigmask, how, set, old);
}

SEGWHY_EXPORT int sighold(int signal) noexcept {
  return segwhy::runtime::change_one(SIG_BLOCK, signal);
}
SEGWHY_EXPORT int sigrelse(int signal) noexcept {
  return segwhy::runtime::change_one(SIG_UNBLOCK, signal);
}
