#include "monitor/live_view.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/clock.h"
#include "base/text.h"
#include "diagnose/block_story.h"
#include "monitor/terminal.h"
#include "report/memory_plot.h"

namespace segwhy {
namespace {

constexpr std::uint64_t kTerminalNs = 250'000'000, kScrollNs = 2'000'000'000;
constexpr std::size_t kPlotRows = 6, kLinesShown = 5;
// The warning comes when this share of the limit is used.
constexpr std::uint64_t kNearPercent = 95;

std::string name_of(const memory::LineKey& key) {
  if (key.file.empty()) return key.native != 0 ? "native code" : "lines that were not kept";
  return key.line ? fmt::format("{}:{}", base_name(key.file), *key.line) : std::string(base_name(key.file));
}

// No control character of the program's gets to the terminal.
std::string printable(const std::string& text) {
  std::string out = to_valid_utf8(text);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 127; }, '?');
  return out;
}

std::string headline(const MemorySampler& sampler) {
  const TreeSample& now = sampler.all().back();
  std::string text =
      fmt::format("segwhy: {}  {} resident", duration(static_cast<double>(now.at_ns) / 1e9), human_bytes(now.tree_rss));
  if (now.cgroup) text += fmt::format(", cgroup {}", human_bytes(*now.cgroup));
  if (const auto limit = sampler.memory_limit()) text += fmt::format(" of {}", human_bytes(*limit));
  if (now.pressure && *now.pressure > 0) text += fmt::format(", pressure {:.0f} %", *now.pressure);
  return text;
}

std::vector<MemorySample> series_of(const MemorySampler& sampler) {
  std::vector<MemorySample> out;
  for (const TreeSample& sample : sampler.all()) {
    MemorySample& one = out.emplace_back();
    one.at_s = static_cast<double>(sample.at_ns) / 1e9;
    one.tree_rss = sample.tree_rss;
  }
  return out;
}

}  // namespace

std::string largest_lines(const memory::SiteHistory& held, std::size_t most) {
  std::vector<const memory::LineAccount*> lines;
  for (const memory::LineAccount& line : held.lines()) lines.push_back(&line);
  const std::size_t count = std::min(most, lines.size());
  std::partial_sort(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(count), lines.end(),
                    [](const auto* a, const auto* b) { return a->live_bytes > b->live_bytes; });
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    if (lines[i]->live_bytes == 0) break;
    out += fmt::format("{:>11}  {}\n", human_bytes(lines[i]->live_bytes), printable(name_of(lines[i]->key)));
  }
  return out;
}

LiveView::LiveView(const MemoryOptions& options)
    : live_(options.live),
      guard_(options.guard),
      terminal_(::isatty(STDERR_FILENO) == 1),
      style_(style_for(STDERR_FILENO)) {}

void LiveView::update(const MemorySampler& sampler, const memory::SiteHistory* held) {
  if ((!live_ && !guard_) || sampler.all().empty()) return;
  if (guard_ && !warned_) {
    const auto limit = sampler.memory_limit();
    const auto used = sampler.all().back().cgroup;
    if (limit && used && *used >= *limit / 100 * kNearPercent) warn(sampler, held, *limit);
  }
  const std::uint64_t now = monotonic_ns();
  if (!live_ || now < shown_ns_ + (terminal_ ? kTerminalNs : kScrollNs)) return;
  shown_ns_ = now;
  show(sampler, held);
}

void LiveView::warn(const MemorySampler& sampler, const memory::SiteHistory* held, std::uint64_t limit) {
  warned_ = true;
  erase();
  std::string text = fmt::format("segwhy: memory is about to run out: {} of {} are used\n",
                                 human_bytes(sampler.all().back().cgroup.value_or(0)), human_bytes(limit));
  if (held != nullptr) text += largest_lines(*held, kLinesShown);
  write_bounded(STDERR_FILENO, text);
}

void LiveView::show(const MemorySampler& sampler, const memory::SiteHistory* held) {
  std::string text = headline(sampler);
  if (!terminal_) {
    if (held != nullptr) {
      const std::string top = largest_lines(*held, 1);
      text += "  " + std::string(trim(top));
    }
    write_bounded(STDERR_FILENO, text + "\n");
    return;
  }
  text += "\n";
  const report::PlotStyle plot{style_.width, kPlotRows, style_.unicode};
  for (const std::string& row : report::memory_plot_rows(series_of(sampler), sampler.memory_limit(), plot))
    text += row + "\n";
  if (held != nullptr) text += largest_lines(*held, kLinesShown);
  erase();
  shown_rows_ = static_cast<unsigned>(std::count(text.begin(), text.end(), '\n'));
  write_bounded(STDERR_FILENO, text);
}

void LiveView::erase() {
  if (shown_rows_ == 0) return;
  write_bounded(STDERR_FILENO, fmt::format("\x1b[{}A\x1b[J", shown_rows_));
  shown_rows_ = 0;
}

void LiveView::finish() {
  erase();
  live_ = guard_ = false;
}

}  // namespace segwhy
