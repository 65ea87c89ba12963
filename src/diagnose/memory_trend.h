// Whether a process's memory grew without a bound in sight. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "evidence/model/case.h"

namespace segwhy {

struct MemoryGrowth {
  std::uint64_t bytes = 0;  // gained over the window
  double seconds = 0;       // its length
  double bytes_per_second = 0;
};

// Over the second half of the samples (the first half may be loading): the resident set rises in four of five steps and
// gains at least 64 MiB and a tenth. nullopt otherwise, or with fewer than eight samples.
[[nodiscard]] std::optional<MemoryGrowth> memory_growth(const std::vector<MemorySample>& samples);

}  // namespace segwhy
