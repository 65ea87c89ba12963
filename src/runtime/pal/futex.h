// Futex waits and wakes on words shared between processes. Async-signal-safe, errno untouched.
#pragma once

#include <limits.h>
#include <linux/futex.h>

#include "runtime/pal/syscall.h"

namespace segwhy::runtime::pal {

// Returns when woken, when `word` is not `expected`, on a signal, or after `timeout_ns`: the caller looks again.
inline void futex_wait(const uint32_t& word, uint32_t expected, uint64_t timeout_ns) {
  timespec timeout{static_cast<time_t>(timeout_ns / 1'000'000'000u), static_cast<long>(timeout_ns % 1'000'000'000u)};
  syscall(SYS_futex, &word, FUTEX_WAIT, expected, &timeout);
}

inline void futex_wake_all(const uint32_t& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX);
}

}  // namespace segwhy::runtime::pal
