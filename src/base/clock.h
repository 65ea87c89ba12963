// The clock of the wire records and of every duration outside the runtime, and that of what work costs.
#pragma once

#include <cstdint>
#include <ctime>

namespace segwhy {

[[nodiscard]] inline std::uint64_t clock_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
  return static_cast<std::uint64_t>(now.tv_sec) * kNsPerSecond + static_cast<std::uint64_t>(now.tv_nsec);
}

// CLOCK_MONOTONIC, nanoseconds; the same in every process of the machine.
[[nodiscard]] inline std::uint64_t monotonic_ns() {
  return clock_ns(CLOCK_MONOTONIC);
}

// What the calling thread has taken of a processor, nanoseconds: time for which it waited does not count.
[[nodiscard]] inline std::uint64_t thread_cpu_ns() {
  return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

}  // namespace segwhy
