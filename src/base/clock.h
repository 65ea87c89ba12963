// The clock of the wire records and of every duration outside the runtime.
#pragma once

#include <cstdint>
#include <ctime>

namespace segwhy {

// CLOCK_MONOTONIC, nanoseconds; the same in every process of the machine.
[[nodiscard]] inline std::uint64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
  return static_cast<std::uint64_t>(now.tv_sec) * kNsPerSecond + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace segwhy
