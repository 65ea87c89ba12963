// The application's view of a signal mask against the kernel's (signal_sets.h explains the shadows). Pure functions.
#pragma once

#include "runtime/crash/signal_sets.h"

namespace segwhy::runtime {

// What one thread of the application asked to block, as far as the kernel's mask cannot say it. A bit counts only
// while its shadow is blocked in the kernel, so whatever restores the kernel's mask restores the view with it.
struct MaskView {
  SignalMask blocked;        // of kSynchronousMask
  SignalMask owned_shadows;  // of kShadowMask: the application blocks this real-time signal for itself

  // The synchronous signals that the application blocks, when `kernel` is the kernel's mask.
  [[nodiscard]] constexpr SignalMask blocked_under(SignalMask kernel) const { return blocked & shadowed_by(kernel); }

  // The mask that the application is to see.
  [[nodiscard]] constexpr SignalMask application_mask(SignalMask kernel) const {
    const SignalMask active = blocked_under(kernel);
    const SignalMask borrowed = shadows_of(active) & ~owned_shadows;
    return (kernel & ~borrowed) | active;
  }
};

// The kernel's mask for an application's: no synchronous signal, their shadows instead.
[[nodiscard]] constexpr SignalMask kernel_mask(SignalMask application) {
  return (application & ~kSynchronousMask) | shadows_of(application);
}

// A change of mask as the application asked for it (`how` of sigprocmask), ready for the kernel.
struct MaskChange {
  MaskView view;      // after the change
  SignalMask kernel;  // the set to give to the kernel, with the same `how`
};

// `kernel` is the kernel's mask before the change. `how` must be valid.
[[nodiscard]] constexpr MaskChange change_view(MaskView view, SignalMask kernel, int how, SignalMask set) {
  const SignalMask blocked = view.blocked_under(kernel);
  const SignalMask owned = view.owned_shadows & kernel;
  const SignalMask synchronous = set & kSynchronousMask;
  const SignalMask shadows = set & kShadowMask;
  if (how == SIG_SETMASK) return {{synchronous, shadows}, kernel_mask(set)};
  if (how == SIG_BLOCK) return {{blocked | synchronous, owned | shadows}, kernel_mask(set)};
  const MaskView after{blocked & ~synchronous, owned & ~shadows};
  // A shadow stays blocked while either of its two uses needs it.
  const SignalMask released = (shadows | shadows_of(synchronous)) & ~(after.owned_shadows | shadows_of(after.blocked));
  return {after, (set & ~kShadowMask) | released};
}

}  // namespace segwhy::runtime
