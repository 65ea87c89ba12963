// What grows: call sites whose live bytes rise steadily, told apart from what fills up, settles or comes and goes.
//
// Pure and thread-safe. The test is on the least that a site held in each of fifteen windows of equal length over its
// life (memory that comes and goes does not count), the first fifth left out as warm-up:
//   it rises:       Mann-Kendall's test for a trend, z of at least 3.5 (one in four thousand by chance);
//   and stays:      what follows is of the least that it held from each window to the end;
//   how fast:       Theil and Sen's slope, the median over all pairs of windows, which single jumps do not move;
//   all along:      each half has its share of the rise: one jump, or one tooth of a saw, is not growth;
//   to the end:     the last part still rises, and the last third nearly as fast as the first: what fills up slows
//   down; worth a word:   some MiB, a hundredth of the process, a dozen allocations and eight looks that saw it rise.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "evidence/model/case.h"

namespace segwhy {

struct SiteGrowth {
  const MemorySite* site = nullptr;
  double from_s = 0, to_s = 0;  // since the start of the run
  std::uint64_t bytes = 0;      // gained in between
  std::uint64_t steps = 0;      // allocations at the site in between
  double bytes_per_step = 0, bytes_per_second = 0;
  double z = 0;  // of the trend, in standard deviations
};

// Of one series; nullopt: it does not grow. `least`: bytes that are worth a word. What came after `until_s` does not
// count.
[[nodiscard]] std::optional<SiteGrowth> growth_of(const MemorySite& site, std::uint64_t least,
                                                  double until_s = std::numeric_limits<double>::infinity());

// The growing sites, those that gained most first. They point into `memory`. Imports are left out, and so is what a
// program that ends frees: what came after the peak, when that was close to the end.
[[nodiscard]] std::vector<SiteGrowth> growing_sites(const MemoryUse& memory);

// "65.2 MiB in 12.3 s, 4.0 MiB for each of 16 blocks", the latter only where most blocks that the line makes stay: what
// comes and goes is not what is gained.
[[nodiscard]] std::string gain_of(const SiteGrowth& growth);

// "train.py:12", or the native function.
[[nodiscard]] std::string site_name(const MemorySite& site);

// "__main__.history (list of bytearray, 990 items, about 94.2 MiB)".
[[nodiscard]] std::string holder_name(const Holder& holder);

// Who keeps what the site gained: "Held by A, B." where the items' weight says so, "Grew along with it: C." where that
// is not known; empty: nobody is known.
[[nodiscard]] std::string holders_sentence(const MemorySite& site);

// What the growing sites will use up next, and when at this rate.
struct LimitForecast {
  std::string limit;  // "the limit of cgroup /job (2.0 GiB)", "the machine's memory (16.0 GiB)"
  double seconds = 0;
};
[[nodiscard]] std::optional<LimitForecast> forecast(const Machine& machine, const std::vector<SiteGrowth>& growing);

}  // namespace segwhy
