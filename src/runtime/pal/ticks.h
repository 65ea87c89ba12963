// The CPU's time-stamp counter: a clock that costs some ten nanoseconds and no system call. Constant in rate and the
// same on all cores of the machines this runs on; wire::ClockPair relates it to CLOCK_MONOTONIC.
#pragma once

#include <stdint.h>

namespace segwhy::runtime::pal {

[[nodiscard]] inline uint64_t ticks() {
  return __builtin_ia32_rdtsc();
}

}  // namespace segwhy::runtime::pal
