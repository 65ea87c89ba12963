#include "report/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"
#include "diagnose/block_story.h"
#include "diagnose/site_growth.h"
#include "report/describe.h"
#include "report/printable.h"

namespace segwhy {
namespace {

// Two runs of one program differ by as much in time, and in memory.
constexpr double kTimeNoise = 0.2, kMemoryNoise = 0.1;
constexpr std::uint64_t kLeastMemory = std::uint64_t{8} << 20;
constexpr double kLeastSeconds = 0.1;

std::string place_of(const Verdict& verdict) {
  if (!verdict.where || verdict.where->file.empty()) return {};
  const std::string name(base_name(verdict.where->file));
  return verdict.where->line ? fmt::format("{}:{}", name, *verdict.where->line) : name;
}

std::string end_of(const ComparedRun& run) {
  return report::death_sentence(run.evidence);
}

std::string verdict_of(const ComparedRun& run) {
  const std::string place = place_of(run.verdict);
  return run.verdict.verdict_class + (place.empty() ? "" : " at " + place);
}

// Half of the samples of the second half of the run are below it.
std::optional<std::uint64_t> steady_memory(const Case& evidence) {
  const auto& samples = evidence.machine.samples;
  constexpr std::size_t kLeastSamples = 6;
  if (samples.size() < kLeastSamples) return std::nullopt;
  const double half = (samples.front().at_s + samples.back().at_s) / 2;
  std::vector<std::uint64_t> late;
  for (const MemorySample& sample : samples)
    if (sample.at_s >= half) late.push_back(sample.rss);
  if (late.empty()) return std::nullopt;
  const auto middle = late.begin() + static_cast<std::ptrdiff_t>(late.size() / 2);
  std::nth_element(late.begin(), middle, late.end());
  return *middle;
}

std::string growth_of_run(const ComparedRun& run) {
  if (!run.evidence.memory || run.evidence.memory->sites.empty()) return {};
  const std::vector<SiteGrowth> growing = growing_sites(*run.evidence.memory);
  if (growing.empty()) return "none";
  return fmt::format("{} by {}", site_name(*growing.front().site), human_bytes(growing.front().bytes));
}

std::optional<std::uint64_t> held_most(const ComparedRun& run) {
  return run.evidence.memory && run.evidence.memory->peak_bytes != 0 ? std::optional(run.evidence.memory->peak_bytes)
                                                                     : std::nullopt;
}

bool apart(double a, double b, double least, double noise) {
  return std::abs(a - b) > std::max(least, noise * std::max(a, b));
}

ComparedRow text_row(const char* key, const char* title, std::string before, std::string after) {
  const bool differs = before != after;
  return {key, title, std::move(before), std::move(after), differs};
}

using Bytes = std::optional<std::uint64_t>;

ComparedRow memory_row(const char* key, const char* title, const Bytes& before, const Bytes& after) {
  ComparedRow row{key, title, before ? human_bytes(*before) : "", after ? human_bytes(*after) : "", false};
  row.differs =
      before && after && apart(static_cast<double>(*before), static_cast<double>(*after), kLeastMemory, kMemoryNoise);
  return row;
}

ComparedRow time_row(const char* key, const char* title, std::optional<double> before, std::optional<double> after) {
  ComparedRow row{key, title, before ? duration(*before) : "", after ? duration(*after) : "", false};
  row.differs = before && after && apart(*before, *after, kLeastSeconds, kTimeNoise);
  return row;
}

// "same", or the first line in which the two differ.
ComparedRow output_row(const std::optional<std::string>& before, const std::optional<std::string>& after) {
  ComparedRow row{"output", "output", "", "", false};
  if (!before || !after) return row;
  const std::vector<std::string_view> one = split(*before, '\n'), two = split(*after, '\n');
  const auto [at, other] = std::mismatch(one.begin(), one.end(), two.begin(), two.end());
  row.differs = at != one.end() || other != two.end();
  if (!row.differs) {
    row.old_text = row.new_text = "the same";
    return row;
  }
  const auto line = [number = at - one.begin() + 1](auto position, auto end) {
    constexpr std::size_t kMost = 40;
    if (position == end) return fmt::format("line {}: no such line", number);
    return fmt::format("line {}: {}", number, std::string(position->substr(0, kMost)));
  };
  row.old_text = line(at, one.end());
  row.new_text = line(other, two.end());
  return row;
}

std::string cell(const std::string& text, std::size_t width) {
  std::string shown = report::printable(text.empty() ? "not known" : text, false);
  if (shown.size() > width) shown = shown.substr(0, width - 3) + "...";
  return shown;
}

}  // namespace

std::vector<ComparedRow> compare_runs(const ComparedRun& before, const ComparedRun& after) {
  std::vector<ComparedRow> rows;
  rows.push_back(text_row("end", "end", end_of(before), end_of(after)));
  rows.push_back(text_row("verdict", "verdict", verdict_of(before), verdict_of(after)));
  rows.push_back(
      memory_row("peak_rss", "peak resident", before.evidence.machine.peak_rss, after.evidence.machine.peak_rss));
  rows.push_back(
      memory_row("steady_rss", "steady resident", steady_memory(before.evidence), steady_memory(after.evidence)));
  rows.push_back(memory_row("peak_allocated", "peak allocated", held_most(before), held_most(after)));
  rows.push_back(text_row("growth", "grows", growth_of_run(before), growth_of_run(after)));
  rows.push_back(time_row("wall_s", "time", before.measure.wall_s, after.measure.wall_s));
  rows.push_back(time_row("cpu_s", "CPU time", before.measure.cpu_s, after.measure.cpu_s));
  rows.push_back(output_row(before.measure.output, after.measure.output));
  std::erase_if(rows, [](const ComparedRow& row) { return row.old_text.empty() && row.new_text.empty(); });
  return rows;
}

std::string render_comparison(const ComparedRun& before, const ComparedRun& after, bool unicode) {
  constexpr std::size_t kTitle = 16, kCell = 38;
  std::string out =
      fmt::format("  {:<{}}  {:<{}}  {}\n", "", kTitle, cell(before.name, kCell), kCell, cell(after.name, kCell));
  for (const ComparedRow& row : compare_runs(before, after))
    out += fmt::format("{} {:<{}}  {:<{}}  {}\n", row.differs ? (unicode ? "≠" : "*") : " ", row.title, kTitle,
                       cell(row.old_text, kCell), kCell, cell(row.new_text, kCell));
  return out;
}

std::string render_comparison_json(const ComparedRun& before, const ComparedRun& after) {
  using Json = nlohmann::ordered_json;
  const auto numbers = [](const ComparedRun& run) {
    Json json{{"name", to_valid_utf8(run.name)}, {"class", run.verdict.verdict_class}};
    if (run.evidence.machine.peak_rss) json["peak_rss"] = *run.evidence.machine.peak_rss;
    if (const auto steady = steady_memory(run.evidence)) json["steady_rss"] = *steady;
    if (const auto most = held_most(run)) json["peak_allocated"] = *most;
    if (run.measure.wall_s) json["wall_s"] = *run.measure.wall_s;
    if (run.measure.cpu_s) json["cpu_s"] = *run.measure.cpu_s;
    return json;
  };
  Json rows = Json::array();
  for (const ComparedRow& row : compare_runs(before, after))
    rows.push_back({{"key", row.key},
                    {"old", to_valid_utf8(row.old_text)},
                    {"new", to_valid_utf8(row.new_text)},
                    {"differs", row.differs}});
  const Json json{{"schema", "segwhy.comparison/1"}, {"old", numbers(before)}, {"new", numbers(after)}, {"rows", rows}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace segwhy
