// What the runtime keeps per thread. Initial-exec TLS that is valid when zeroed: threads that the runtime has not seen
// being made (the C library's own, those of a raw clone) just have none of it yet. Kept small: glibc carves TLS out of
// the thread's stack, and 16 KiB stacks exist.
#pragma once

#include "runtime/crash/alt_stack.h"
#include "runtime/crash/mask_view.h"

namespace segwhy::runtime {

struct ThreadState {
  AltStack* stack;  // null: none could be made
  MaskView mask;
  void** recovery;          // where a fault of the runtime's own while it hands over continues; null otherwise
  uintptr_t handler_frame;  // frame on which the application's handler was entered after the last hand-over, and
  SignalMask handler_mask;  // what it blocks in the kernel that was not blocked before: both tell whether it still runs
  uint32_t tid;             // 0: not seen yet
  uint32_t last_crash;      // CrashRecord index+1 of this thread's last hand-over, 0: none
  uint32_t started_as;      // index+1 of its entry in ProcessRecord::starts, 0: none
  uint8_t exit_rounds;      // rounds of thread-specific-data destructors that have run
  bool counted;             // in ProcessRecord::live_threads
};

// The calling thread's state. Null in a child of vfork and in a thread made by a raw clone: those run on another
// thread's TLS, which they must not change.
[[nodiscard]] ThreadState* thread_state();

// The state that the TLS pointer leads to, whoever's it is: to be read only.
[[nodiscard]] ThreadState& nearby_thread_state();

// Takes over synchronous signals that are really blocked (inherited from outside the runtime's reach): unblocks them
// and notes them in the view. `inherited` is the creator's view.
void adopt_mask(ThreadState& thread, const MaskView& inherited);

}  // namespace segwhy::runtime
