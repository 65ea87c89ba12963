// Signal masks: synchronous signals are never blocked for real, but reported as if (crash/signal_sets.h).
#include <errno.h>

#include "runtime/abi/export.h"
#include "runtime/crash/process.h"
#include "runtime/crash/thread_state.h"
#include "runtime/pal/next.h"

namespace segwhy::runtime {
namespace {

using MaskFunction = int (*)(int, const sigset_t*, sigset_t*);

// What the kernel is given depends on its mask before only where a shadow may have to stay blocked.
[[nodiscard]] bool depends_on_mask_before(const MaskView& view, int how) {
  return how == SIG_UNBLOCK && (view.blocked | view.owned_shadows) != 0;
}

// Both functions differ only in how they report an error, which `function` does.
int change_application_mask(MaskFunction function, int how, const sigset_t* set, sigset_t* old) {
  ThreadState* const thread = session() != nullptr ? thread_state() : nullptr;
  const bool valid = how == SIG_BLOCK || how == SIG_UNBLOCK || how == SIG_SETMASK;
  if (thread == nullptr || (set != nullptr && !valid)) return function(how, set, old);

  const MaskView view = thread->mask;
  sigset_t kernel_old;
  sigemptyset(&kernel_old);
  if (set == nullptr) {
    const int result = function(how, nullptr, &kernel_old);
    if (result != 0) return result;
  } else {
    const SignalMask wanted = pal::to_mask(*set);
    const SignalMask before = depends_on_mask_before(view, how) ? pal::current_mask() : 0;
    sigset_t kernel_set = *set;
    pal::store_mask(kernel_set, change_view(view, before, how, wanted).kernel);
    // Noted before it is true: a signal in between would find too little blocked; too much, the kernel's mask corrects.
    if (how != SIG_UNBLOCK) thread->mask.blocked |= wanted & kSynchronousMask;
    const int result = function(how, &kernel_set, &kernel_old);
    if (result != 0) return result;
    thread->mask = change_view(view, pal::to_mask(kernel_old), how, wanted).view;
  }
  if (old != nullptr) {
    pal::store_mask(kernel_old, view.application_mask(pal::to_mask(kernel_old)));
    *old = kernel_old;
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
