#include "diagnose/site_growth.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "base/text.h"
#include "diagnose/block_story.h"
#include "diagnose/narrate.h"

namespace segwhy {
namespace {

constexpr std::size_t kWindows = 15;
constexpr std::size_t kWarmUp = kWindows / 5;
constexpr std::size_t kKept = kWindows - kWarmUp;
constexpr std::size_t kTail = kKept / 6;
constexpr double kLeastZ = 3.5;
constexpr double kLeastShareOfHalf = 0.15;
constexpr double kLeastTail = 0.25, kLeastLastThird = 0.35;  // of the slope
constexpr std::uint64_t kLeastSteps = 12;
constexpr std::size_t kLeastRises = 8;
constexpr std::uint64_t kLeastBytes = std::uint64_t{4} << 20;
// Sampled sites: so many samples' worth, or it may be chance.
constexpr std::uint64_t kLeastSamples = 24;
constexpr std::uint64_t kShareOfPeak = 100;

using Values = std::array<double, kKept>;

struct Windows {
  Values at{};      // where each begins
  Values least{};   // that the site held in it
  Values stayed{};  // of it and all that follow
  double steps = 0;
  std::size_t rises = 0;  // looks that saw more than the one before
};

std::size_t first_live(const std::vector<SitePoint>& series) {
  std::size_t i = 0;
  while (i < series.size() && series[i].bytes == 0) ++i;
  return i;
}

// What the series held at `at`: as at the last look before.
const SitePoint& point_at(const std::vector<SitePoint>& series, double at) {
  const auto after =
      std::upper_bound(series.begin(), series.end(), at, [](double t, const SitePoint& p) { return t < p.at_s; });
  return after == series.begin() ? series.front() : *(after - 1);
}

double least_within(const std::vector<SitePoint>& series, double from, double to) {
  std::uint64_t least = point_at(series, from).bytes;
  for (const SitePoint& point : series)
    if (point.at_s > from && point.at_s <= to) least = std::min(least, point.bytes);
  return static_cast<double>(least);
}

std::optional<Windows> divide(const std::vector<SitePoint>& whole, double until_s) {
  std::vector<SitePoint> series;
  std::copy_if(whole.begin(), whole.end(), std::back_inserter(series),
               [until_s](const SitePoint& point) { return point.at_s <= until_s; });
  const std::size_t first = first_live(series);
  if (series.size() < first + kLeastRises) return std::nullopt;
  const double begin = series[first].at_s;
  const double length = (series.back().at_s - begin) / kWindows;
  if (length <= 0) return std::nullopt;
  Windows out;
  for (std::size_t i = 0; i < kKept; ++i) {
    out.at[i] = begin + length * static_cast<double>(i + kWarmUp);
    out.least[i] = least_within(series, out.at[i], out.at[i] + length);
  }
  out.stayed = out.least;
  for (std::size_t i = kKept - 1; i-- > 0;) out.stayed[i] = std::min(out.stayed[i], out.stayed[i + 1]);
  out.steps =
      static_cast<double>(point_at(series, out.at.back()).allocations - point_at(series, out.at.front()).allocations);
  for (std::size_t i = first + 1; i < series.size(); ++i)
    if (series[i].at_s > out.at.front() && series[i].bytes > series[i - 1].bytes) ++out.rises;
  return out;
}

// Mann and Kendall's statistic in standard deviations. Of what each window held by itself: what stayed can only rise,
// also where nothing but chance moves the series. Ties make it smaller, which errs on the side of silence.
double trend(const Windows& w) {
  double s = 0;
  for (std::size_t i = 0; i < kKept; ++i)
    for (std::size_t k = i + 1; k < kKept; ++k) s += w.least[k] > w.least[i] ? 1 : w.least[k] < w.least[i] ? -1 : 0;
  constexpr double n = kKept;
  return (s - 1) / std::sqrt(n * (n - 1) * (2 * n + 5) / 18);
}

// Theil and Sen's.
double slope(const Windows& w) {
  std::vector<double> slopes;
  slopes.reserve(kKept * kKept / 2);
  for (std::size_t i = 0; i < kKept; ++i)
    for (std::size_t k = i + 1; k < kKept; ++k) slopes.push_back((w.stayed[k] - w.stayed[i]) / (w.at[k] - w.at[i]));
  const auto middle = slopes.begin() + static_cast<std::ptrdiff_t>(slopes.size() / 2);
  std::nth_element(slopes.begin(), middle, slopes.end());
  return *middle;
}

double rise(const Windows& w, std::size_t from, std::size_t to) {
  return w.stayed[to] - w.stayed[from];
}

double speed(const Windows& w, std::size_t from, std::size_t to) {
  return rise(w, from, to) / (w.at[to] - w.at[from]);
}

bool all_along(const Windows& w) {
  const double whole = rise(w, 0, kKept - 1);
  const double first = rise(w, 0, kKept / 2) / whole;
  return first >= kLeastShareOfHalf && first <= 1 - kLeastShareOfHalf;
}

bool to_the_end(const Windows& w, double whole_slope) {
  const double first_third = speed(w, 0, kKept / 3);
  const double last_third = speed(w, kKept - 1 - kKept / 3, kKept - 1);
  return speed(w, kKept - 1 - kTail, kKept - 1) >= kLeastTail * whole_slope &&
         last_third >= kLeastLastThird * first_third;
}

double end_of_work(const MemoryUse& memory) {
  constexpr double kEnding = 0.85;
  double end = 0;
  for (const MemorySite& site : memory.sites)
    if (!site.series.empty()) end = std::max(end, site.series.back().at_s);
  return memory.peak_at_s && *memory.peak_at_s >= kEnding * end ? *memory.peak_at_s : end;
}

}  // namespace

std::optional<SiteGrowth> growth_of(const MemorySite& site, std::uint64_t least, double until_s) {
  const auto windows = divide(site.series, until_s);
  if (!windows || windows->rises < kLeastRises || windows->steps < static_cast<double>(kLeastSteps))
    return std::nullopt;
  SiteGrowth growth;
  growth.site = &site;
  growth.z = trend(*windows);
  growth.bytes_per_second = slope(*windows);
  const double gained = rise(*windows, 0, kKept - 1);
  if (growth.z < kLeastZ || gained < static_cast<double>(least)) return std::nullopt;
  if (!all_along(*windows) || !to_the_end(*windows, growth.bytes_per_second)) return std::nullopt;
  growth.from_s = windows->at.front();
  growth.to_s = windows->at.back();
  growth.bytes = static_cast<std::uint64_t>(gained);
  growth.steps = static_cast<std::uint64_t>(windows->steps);
  growth.bytes_per_step = gained / windows->steps;
  return growth;
}

std::vector<SiteGrowth> growing_sites(const MemoryUse& memory) {
  const double end = end_of_work(memory);
  const std::uint64_t least = std::max(kLeastBytes, memory.peak_bytes / kShareOfPeak);
  std::vector<SiteGrowth> out;
  for (const MemorySite& site : memory.sites) {
    const bool sampled = site.largest < memory.exact_from;
    const std::uint64_t own = sampled ? std::max(least, kLeastSamples * memory.exact_from) : least;
    if (site.importing) continue;
    if (auto growth = growth_of(site, own, end)) out.push_back(*growth);
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
  return out;
}

std::string gain_of(const SiteGrowth& growth) {
  std::string text = fmt::format("{} in {}", human_bytes(growth.bytes), duration(growth.to_s - growth.from_s));
  if (2 * growth.site->live_blocks >= growth.site->total_blocks && growth.steps != 0)
    text += fmt::format(", {} for each of {} blocks", human_bytes(static_cast<std::uint64_t>(growth.bytes_per_step)),
                        growth.steps);
  return text;
}

std::string site_name(const MemorySite& site) {
  if (!site.file.empty()) return short_place(site.file, site.line);
  for (const NativeFrame& frame : site.native)
    if (!frame.function.empty()) return frame.short_name.empty() ? frame.function : frame.short_name;
  for (const NativeFrame& frame : site.native)
    if (!frame.module.empty()) return fmt::format("code of {}", base_name(frame.module));
  return "native code that has no name";
}

std::string holder_name(const Holder& holder) {
  std::string text = fmt::format("{} ({}", holder.path, holder.type);
  if (holder.length) text += fmt::format(", {} item{}", *holder.length, *holder.length == 1 ? "" : "s");
  if (holder.bytes) text += ", about " + human_bytes(*holder.bytes);
  return text + ")";
}

std::string holders_sentence(const MemorySite& site) {
  std::string held, along;
  for (const Holder& holder : site.holders) {
    std::string& list = holder.bytes ? held : along;
    list += (list.empty() ? "" : ", ") + holder_name(holder);
  }
  // What weighs enough leaves nothing to guess about.
  if (!held.empty()) return fmt::format("What {} makes is held by {}.", site_name(site), held);
  return along.empty() ? "" : fmt::format("What grew along with {}: {}.", site_name(site), along);
}

std::optional<LimitForecast> forecast(const Machine& machine, const std::vector<SiteGrowth>& growing) {
  double rate = 0;
  for (const SiteGrowth& growth : growing) rate += growth.bytes_per_second;
  if (rate <= 0) return std::nullopt;
  const auto left = [rate](std::uint64_t limit, std::uint64_t used) {
    return limit > used ? static_cast<double>(limit - used) / rate : 0;
  };
  if (machine.cgroup && machine.cgroup->memory_limit && machine.cgroup->memory_current)
    return LimitForecast{
        fmt::format("the limit of cgroup {} ({})", machine.cgroup->path, human_bytes(*machine.cgroup->memory_limit)),
        left(*machine.cgroup->memory_limit, *machine.cgroup->memory_current)};
  if (machine.memory_total && machine.memory_available)
    return LimitForecast{fmt::format("the machine's memory ({})", human_bytes(*machine.memory_total)),
                         left(*machine.memory_available, 0)};
  return std::nullopt;
}

}  // namespace segwhy
