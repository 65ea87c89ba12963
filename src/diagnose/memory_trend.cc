#include "diagnose/memory_trend.h"

namespace segwhy {

std::optional<MemoryGrowth> memory_growth(const std::vector<MemorySample>& samples) {
  constexpr std::size_t kFewest = 8;
  constexpr std::uint64_t kLeastGain = std::uint64_t{64} << 20;
  if (samples.size() < kFewest) return std::nullopt;
  const std::size_t start = samples.size() / 2;
  std::size_t rises = 0;
  for (std::size_t i = start + 1; i < samples.size(); ++i)
    if (samples[i].rss > samples[i - 1].rss) ++rises;
  const std::size_t steps = samples.size() - start - 1;
  const MemorySample& first = samples[start];
  const MemorySample& last = samples.back();
  if (rises * 5 < steps * 4 || last.rss < first.rss + kLeastGain || last.rss < first.rss + first.rss / 10)
    return std::nullopt;
  MemoryGrowth growth{last.rss - first.rss, last.at_s - first.at_s, 0};
  if (growth.seconds > 0) growth.bytes_per_second = static_cast<double>(growth.bytes) / growth.seconds;
  return growth;
}

}  // namespace segwhy
