// Where the memory went: over time, by line when the process held most and at the end, and what grows. Shown where
// memory is what the report is about.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "diagnose/block_story.h"
#include "diagnose/retrace_story.h"
#include "diagnose/site_growth.h"
#include "report/describe.h"
#include "report/memory_plot.h"
#include "report/sections.h"

namespace segwhy::report {
namespace {

constexpr std::size_t kMarginColumns = 12;
constexpr std::size_t kPlotRows = 8;
constexpr std::size_t kLinesTold = 10, kLinesShort = 5;

bool is_about_memory(const Subject& s) {
  const std::string& name = s.verdict.verdict_class;
  const bool asked = s.evidence.memory && s.evidence.memory->asked;
  return asked || s.style.verbose || name == "out-of-memory" || name == "memory-growth" || name == "allocation-failed";
}

std::optional<std::uint64_t> limit_of(const Case& c) {
  return c.machine.cgroup ? c.machine.cgroup->memory_limit : std::nullopt;
}

std::string share(std::uint64_t part, std::uint64_t whole) {
  constexpr double kPercent = 100;
  return whole == 0 ? "" : fmt::format("{:3.0f} %", kPercent * static_cast<double>(part) / static_cast<double>(whole));
}

std::string what(const MemorySite& site) {
  const std::string noun = site.kind == "tensor" || site.kind == "array" ? site.kind
                           : site.kind == "mapping"                      ? "mapping"
                                                                         : "block";
  return fmt::format("{} {}{}", grouped(site.live_blocks), noun, site.live_blocks == 1 ? "" : "s");
}

Item line_item(const MemorySite& site, const MemoryUse& memory, const Subject& s, int rank) {
  Line line;
  line.add(fmt::format("{:>10}", human_bytes(site.peak_bytes)), Role::kValue);
  line.add("  " + share(site.peak_bytes, memory.peak_bytes) + "  ");
  line.add(site.file.empty() ? site_name(site) : place(short_path(site.file, s.evidence.program.cwd), site.line),
           Role::kUser);
  const std::string source(trim(site.source));
  if (!source.empty()) line.add("  " + source, Role::kCode);
  std::string rest = fmt::format("  at the end {}, {}", human_bytes(site.live_bytes), what(site));
  if (site.importing) rest += ", while importing";
  line.add(rest, Role::kFaint);
  return {.line = std::move(line), .rank = rank, .hang = 4};
}

Item growth_item(const SiteGrowth& growth) {
  Line line;
  line.add("grows  ", Role::kMark).add(site_name(*growth.site), Role::kUser);
  line.add(fmt::format("  {} in each of {} allocations, {}/s, still at the end",
                       human_bytes(static_cast<std::uint64_t>(growth.bytes_per_step)), grouped(growth.steps),
                       human_bytes(static_cast<std::uint64_t>(growth.bytes_per_second))));
  return {.line = std::move(line), .rank = kFirst, .hang = 4};
}

// Under its growing line: the containers that hold what it gained, or else may.
void add_holders(const MemorySite& site, Section& section) {
  const bool known = std::any_of(site.holders.begin(), site.holders.end(), [](const Holder& h) { return h.bytes; });
  for (const Holder& holder : site.holders) {
    if (known && !holder.bytes) continue;
    Line line;
    line.add(known ? "       held by  " : "       grows along  ", Role::kMark).add(holder_name(holder), Role::kUser);
    section.items.push_back({.line = std::move(line), .rank = kFirst, .hang = 9});
  }
}

// "retraced  step (train.py:9) 200 times, at train.py:17": what for is on a line of its own.
void add_retracing(const TracedFunction& function, Section& section) {
  const bool lasts = keeps_retracing(function);
  Line line;
  line.add("retraced  ", Role::kMark).add(traced_name(function), Role::kUser);
  line.add(fmt::format("  {} times{}", grouped(function.traces), lasts ? ", to the end" : ""));
  if (!function.call_file.empty())
    line.add(", called at ").add(place(base_name(function.call_file), function.call_line), Role::kUser);
  section.items.push_back({.line = std::move(line), .rank = lasts ? kFirst : kDetail, .hang = 4});
  const std::string differed = what_differed(function);
  if (!differed.empty())
    section.items.push_back({.line = Line("       " + differed), .rank = lasts ? kFirst : kDetail, .hang = 9});
}

Item summary_item(const Subject& s) {
  const Machine& m = s.evidence.machine;
  std::uint64_t peak = m.peak_rss.value_or(0);
  double at = 0;
  std::uint64_t tree = 0;
  for (const MemorySample& sample : m.samples) {
    if (sample.tree_rss <= tree) continue;
    tree = sample.tree_rss;
    at = sample.at_s;
  }
  peak = std::max(peak, tree);
  std::string text = fmt::format("peak {} resident", human_bytes(peak));
  if (tree != 0) text += fmt::format(" (seen {} after the start)", duration(at));
  if (const auto limit = limit_of(s.evidence))
    text += fmt::format(", limit {} of cgroup {}", human_bytes(*limit), m.cgroup->path);
  return {.line = Line(text), .rank = kFirst, .hang = 2};
}

}  // namespace

Section memory_plot(const Subject& s) {
  Section section;
  section.label = "memory";
  if (!is_about_memory(s) || s.evidence.machine.samples.empty()) return section;
  section.items.push_back(summary_item(s));
  const PlotStyle style{std::max<std::size_t>(s.style.width, 2 * kMarginColumns) - kMarginColumns, kPlotRows,
                        s.style.unicode};
  for (std::string& row : memory_plot_rows(s.evidence.machine.samples, limit_of(s.evidence), style))
    section.items.push_back({.line = Line(row, Role::kCode), .rank = kDetail, .one_line = true});
  return section;
}

Section memory_lines(const Subject& s) {
  Section section;
  section.label = "held by";
  section.gap = "lines";
  if (!is_about_memory(s) || !s.evidence.memory) return section;
  const MemoryUse& memory = *s.evidence.memory;
  std::size_t most = s.style.verbose ? memory.sites.size() : kLinesTold;
  most = std::min(memory.sites.size(), most);
  // What holds less than a hundredth is for those who want all.
  while (most > 1 && !s.style.verbose && memory.sites[most - 1].peak_bytes < memory.peak_bytes / 100) --most;
  for (std::size_t i = 0; i < most; ++i)
    section.items.push_back(line_item(memory.sites[i], memory, s,
                                      i == 0            ? kFirst
                                      : i < kLinesShort ? kThird
                                                        : kDetail));
  if (memory.unknown_bytes != 0)
    section.items.push_back(
        {.line = Line(fmt::format("{:>10}  by lines that were not kept", human_bytes(memory.unknown_bytes))),
         .rank = kDetail});
  for (const SiteGrowth& growth : growing_sites(memory)) {
    section.items.push_back(growth_item(growth));
    add_holders(*growth.site, section);
  }
  for (const TracedFunction& function : memory.retracing)
    if (keeps_retracing(function) || s.style.verbose) add_retracing(function, section);
  if (memory.refused)
    section.items.push_back({.line = Line(fmt::format("refused {} ({} times in all)",
                                                      human_bytes(memory.refused->bytes), memory.refused->count)),
                             .rank = kSecond});
  if (section.items.empty()) return section;
  const std::string note =
      fmt::format("bytes as asked for; blocks below {} are sampled", human_bytes(memory.exact_from));
  section.items.push_back({.line = Line(note, Role::kFaint), .rank = kContext});
  return section;
}

}  // namespace segwhy::report
