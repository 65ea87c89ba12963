// A lock that knows its holder: code that a signal handler runs on the thread that holds it must not wait for it.
//
// Held for some hundred nanoseconds, never across a system call that can block. A thread that a raw fork left behind
// may hold it for ever in the child; the heap is inactive there (heap.h). Valid when zeroed.
#pragma once

#include <stdint.h>

#include "runtime/pal/atomic.h"
#include "runtime/pal/syscall.h"

namespace segwhy::runtime::pal {

class OwnerLock {
 public:
  // False: the calling thread holds it already.
  [[nodiscard]] bool lock() {
    const uintptr_t self = reinterpret_cast<uintptr_t>(__builtin_thread_pointer());
    for (uint32_t spins = 0; !compare_exchange(holder_, uintptr_t{0}, self); ++spins) {
      if (load(holder_) == self) return false;
      if (spins % kSpins == kSpins - 1) {
        syscall(SYS_sched_yield);
      } else {
        __builtin_ia32_pause();
      }
    }
    return true;
  }

  void unlock() { store(holder_, uintptr_t{0}); }

 private:
  static constexpr uint32_t kSpins = 32;

  uintptr_t holder_;
};

}  // namespace segwhy::runtime::pal
