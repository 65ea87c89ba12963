// A lock for a few instructions' work, taken with all signals blocked (see SignalGuard) or never waited for.
//
// lock() waits a bounded time and then proceeds anyway: the owner may be a thread that a raw fork left behind, and
// what the lock guards here is then consistent enough. Valid when zeroed.
#pragma once

#include "runtime/pal/atomic.h"
#include "runtime/pal/syscall.h"

namespace segwhy::runtime::pal {

class SpinLock {
 public:
  [[nodiscard]] bool try_lock() { return exchange(locked_, 1) == 0; }

  void lock() {
    constexpr int kPatience = 100'000;
    for (int spins = 0; spins < kPatience && !try_lock(); ++spins) {
      syscall(SYS_sched_yield);
    }
  }

  void unlock() { store(locked_, 0); }

 private:
  int locked_;
};

}  // namespace segwhy::runtime::pal
