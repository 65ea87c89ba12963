#include "report/memory_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "diagnose/block_story.h"

namespace segwhy::report {
namespace {

constexpr std::size_t kLabel = 11;  // "  12.3 GiB "
constexpr std::size_t kLeastColumns = 10;
constexpr std::size_t kEighths = 8;

// How a cell that is filled to `eighths` of its height looks.
std::string cell(std::size_t eighths, bool unicode) {
  static constexpr std::array<const char*, kEighths + 1> kBlocks = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  if (unicode) return kBlocks.at(eighths);
  return eighths == 0 ? " " : eighths < kEighths / 2 ? "." : "#";
}

std::string row_of(const std::vector<std::uint64_t>& columns, double top, std::size_t row, const PlotStyle& style,
                   bool limit_here) {
  const double step = top / static_cast<double>(style.height);
  const double floor = step * static_cast<double>(style.height - 1 - row);
  std::string text;
  for (const std::uint64_t value : columns) {
    const double part = (static_cast<double>(value) - floor) / step * kEighths;
    const auto eighths = static_cast<std::size_t>(std::clamp(part, 0.0, static_cast<double>(kEighths)));
    const std::string drawn = cell(eighths, style.unicode);
    text += drawn == " " && limit_here ? "-" : drawn;
  }
  return text;
}

}  // namespace

std::vector<std::uint64_t> column_peaks(const std::vector<MemorySample>& samples, std::size_t columns) {
  std::vector<std::uint64_t> peaks(columns, 0);
  const double begin = samples.front().at_s;
  const double length = std::max(samples.back().at_s - begin, 1e-9);
  for (const MemorySample& sample : samples) {
    const double part = std::clamp((sample.at_s - begin) / length, 0.0, 1.0);
    const auto column = std::min(columns - 1, static_cast<std::size_t>(part * static_cast<double>(columns)));
    peaks[column] = std::max(peaks[column], sample.tree_rss);
  }
  for (std::size_t i = 1; i < columns; ++i)
    if (peaks[i] == 0) peaks[i] = peaks[i - 1];
  return peaks;
}

std::vector<std::string> memory_plot_rows(const std::vector<MemorySample>& samples, std::optional<std::uint64_t> limit,
                                          const PlotStyle& style) {
  if (samples.size() < 2 || style.height == 0) return {};
  const std::size_t columns = std::max(style.width, kLabel + 1 + kLeastColumns) - kLabel - 1;
  const std::vector<std::uint64_t> peaks = column_peaks(samples, columns);
  std::uint64_t top = *std::max_element(peaks.begin(), peaks.end());
  if (top == 0) return {};
  const bool shows_limit = limit && *limit / 2 < top;
  if (shows_limit) top = std::max(top, *limit);
  const double step = static_cast<double>(top) / static_cast<double>(style.height);
  const std::size_t limit_row =
      shows_limit ? style.height - 1 -
                        std::min(style.height - 1, static_cast<std::size_t>(static_cast<double>(*limit - 1) / step))
                  : style.height;
  const std::string edge = style.unicode ? "│" : "|";
  std::vector<std::string> rows;
  for (std::size_t row = 0; row < style.height; ++row) {
    std::string label;
    if (row == 0) label = human_bytes(top);
    if (row == limit_row) label = "limit";
    if (row == style.height / 2 && row != limit_row)
      label = human_bytes(static_cast<std::uint64_t>(step * static_cast<double>(style.height - row)));
    const bool limit_here = row == limit_row;
    rows.push_back(fmt::format("{:>{}} {}", label, kLabel - 1, edge) +
                   row_of(peaks, static_cast<double>(top), row, style, limit_here));
  }
  const std::string end = duration(samples.back().at_s);
  const std::string start = samples.front().at_s < 1e-3 ? "0" : duration(samples.front().at_s);
  const std::size_t gap = columns > start.size() + end.size() ? columns - start.size() - end.size() : 1;
  rows.push_back(std::string(kLabel + 1, ' ') + start + std::string(gap, ' ') + end);
  return rows;
}

}  // namespace segwhy::report
