#include "memory/site_history.h"

#include <algorithm>
#include <limits>

namespace segwhy::memory {
namespace {

constexpr std::size_t kUnresolved = std::numeric_limits<std::size_t>::max();

bool same_values(const SitePoint& a, const SitePoint& b) {
  return a.bytes == b.bytes && a.allocations == b.allocations;
}

// Every second one of the older three quarters goes: see SampleHistory.
void thin(std::vector<SitePoint>& series) {
  const std::size_t older = series.size() / 4 * 3;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < series.size(); ++i)
    if (i >= older || i % 2 == 0) series[kept++] = series[i];
  series.resize(kept);
}

void append(std::vector<SitePoint>& series, const SitePoint& point) {
  const std::size_t size = series.size();
  if (size >= 2 && same_values(series[size - 1], point) && same_values(series[size - 2], point)) {
    series.back().at_s = point.at_s;
    return;
  }
  if (size >= SiteHistory::kPoints) thin(series);
  series.push_back(point);
}

void add_counts(LineAccount& line, const SiteCounts& site) {
  line.live_bytes += site.live_bytes;
  line.live_blocks += site.live_blocks;
  line.total_bytes += site.total_bytes;
  line.total_blocks += site.total_blocks;
  line.largest = std::max(line.largest, site.largest);
  if (site.total_blocks != 0) ++line.stacks;
  if (site.latest_ticks > line.latest_ticks) {
    line.latest_ticks = site.latest_ticks;
    line.latest_size = site.latest_size;
  }
  if (site.live_bytes > line.stack_bytes || line.stack == 0) {
    line.stack = site.stack;
    line.stack_bytes = site.live_bytes;
    line.mappings = site.mappings;
  }
}

void reset_counts(LineAccount& line) {
  line.live_bytes = line.live_blocks = line.total_bytes = line.total_blocks = 0;
  line.stacks = 0;
  line.stack_bytes = 0;
}

}  // namespace

std::size_t SiteHistory::line_of(std::size_t site, std::uint32_t stack, const Resolve& resolve) {
  if (site >= of_site_.size()) of_site_.resize(site + 1, kUnresolved);
  if (of_site_[site] != kUnresolved) return of_site_[site];
  const auto named = stack != 0 ? resolve(stack) : std::nullopt;
  LineKey key = named.value_or(LineKey{});
  if (lines_.size() >= kLines && !by_key_.contains(key)) key = LineKey{};
  const auto [it, added] = by_key_.try_emplace(key, lines_.size());
  if (added) lines_.emplace_back().key = key;
  return of_site_[site] = it->second;
}

void SiteHistory::note_peak(double at_s) {
  if (live_bytes_ < peak_bytes_) return;
  peak_bytes_ = live_bytes_;
  peak_at_s_ = at_s;
  for (LineAccount& line : lines_) line.peak_bytes = line.live_bytes;
}

void SiteHistory::add(double at_s, const SiteTable& table, const Resolve& resolve) {
  for (LineAccount& line : lines_) reset_counts(line);
  live_bytes_ = live_blocks_ = 0;
  for (std::size_t i = 0; i < table.sites.size(); ++i) {
    const SiteCounts& site = table.sites[i];
    if (site.total_blocks == 0) continue;
    add_counts(lines_[line_of(i, site.stack, resolve)], site);
    live_bytes_ += site.live_bytes;
    live_blocks_ += site.live_blocks;
  }
  for (LineAccount& line : lines_) append(line.series, {at_s, line.live_bytes, line.total_blocks});
  note_peak(at_s);
}

}  // namespace segwhy::memory
