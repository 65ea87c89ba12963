#include "runtime/crash/thread_state.h"

#include "runtime/pal/syscall.h"

namespace segwhy::runtime {
namespace {

thread_local constinit ThreadState state{};

}  // namespace

ThreadState& nearby_thread_state() {
  return state;
}

ThreadState* thread_state() {
  const uint32_t tid = pal::thread_id();
  if (state.tid == 0) state.tid = tid;
  return state.tid == tid ? &state : nullptr;
}

void adopt_mask(ThreadState& thread, const MaskView& inherited) {
  const SignalMask kernel = pal::current_mask();
  const SignalMask blocked = kernel & kSynchronousMask;
  // A shadow that nobody is known to have borrowed is the application's own.
  const SignalMask borrowed = shadows_of(inherited.blocked_under(kernel)) & ~inherited.owned_shadows;
  thread.mask = {inherited.blocked_under(kernel) | blocked, kernel & kShadowMask & ~borrowed};
  if (blocked == 0) return;
  pal::change_mask(SIG_BLOCK, shadows_of(blocked));
  pal::change_mask(SIG_UNBLOCK, blocked);
}

}  // namespace segwhy::runtime
