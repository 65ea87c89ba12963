// The limits of the process (getrlimit), without errno. Async-signal-safe.
#pragma once

#include <stdint.h>
#include <sys/resource.h>

#include "runtime/pal/syscall.h"

namespace segwhy::runtime::pal {

// Of `resource` (RLIMIT_AS...); RLIM_INFINITY where there is none, or it cannot be read.
[[nodiscard]] inline uint64_t soft_limit(int resource) {
  rlimit limit{};
  return pal::syscall(SYS_prlimit64, 0, resource, nullptr, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

}  // namespace segwhy::runtime::pal
