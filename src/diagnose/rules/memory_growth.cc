// memory-growth: call sites whose live bytes rise steadily to the end, in a program that ended by itself or lives.
//
// Near misses: caches and pools that fill up and then stay, warm-up, a bounded list, what comes and goes (all in
// site_growth.h); a program that was killed or refused memory, which is told by out-of-memory and allocation-failed.
#include <fmt/format.h>

#include <utility>

#include "base/text.h"
#include "diagnose/block_story.h"
#include "diagnose/retrace_story.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"
#include "diagnose/site_growth.h"

namespace segwhy {
namespace {

constexpr std::size_t kMostNamed = 4;

std::string blocks_of(const MemorySite& site) {
  if (site.kind == "tensor" || site.kind == "array") return site.kind + "s";
  return site.kind == "mapping" ? "mapped memory" : "blocks";
}

std::string sentence(const SiteGrowth& growth) {
  const MemorySite& site = *growth.site;
  return fmt::format("{} gained {} ({}/s); {} of its {} blocks are alive.", site_name(site), gain_of(growth),
                     human_bytes(static_cast<std::uint64_t>(growth.bytes_per_second)), site.live_blocks,
                     site.total_blocks);
}

std::string long_time(double seconds) {
  constexpr double kMinute = 60, kHour = 3600, kDay = 86400, kSome = 2;
  if (seconds > kSome * kDay) return fmt::format("{:.0f} days", seconds / kDay);
  if (seconds > kSome * kHour) return fmt::format("{:.0f} hours", seconds / kHour);
  if (seconds > kSome * kMinute) return fmt::format("{:.0f} minutes", seconds / kMinute);
  return duration(seconds);
}

}  // namespace

std::optional<Candidate> memory_growth_verdict(const Facts& facts) {
  const auto& memory = facts.evidence.memory;
  const std::string& kind = facts.evidence.death.kind;
  if (!memory || (kind != "exit" && kind != "none")) return std::nullopt;
  if (!memory->asked && facts.failed_exit()) return std::nullopt;
  const std::vector<SiteGrowth> growing = growing_sites(*memory);
  if (growing.empty()) return std::nullopt;

  const SiteGrowth& first = growing.front();
  const MemorySite& site = *first.site;
  Candidate candidate{.slug = "memory-growth", .confidence = Confidence::kLikely, .score = 60};
  candidate.summary = fmt::format("Memory grew steadily to the end: {} at {} gained {}.", blocks_of(site),
                                  site_name(site), gain_of(first));
  for (std::size_t i = 0; i < std::min(growing.size(), kMostNamed); ++i)
    candidate.evidence.push_back(sentence(growing[i]));
  const TracedFunction* const traced = retraced_at(site, *memory);
  if (traced != nullptr) candidate.evidence.push_back(retrace_sentence(*traced));
  for (std::size_t i = 0; i < std::min(growing.size(), kMostNamed); ++i)
    if (std::string holders = holders_sentence(*growing[i].site); !holders.empty())
      candidate.evidence.push_back(std::move(holders));
  if (const auto next = forecast(facts.evidence.machine, growing))
    candidate.evidence.push_back(
        fmt::format("At this rate {} would be used up in {}.", next->limit, long_time(next->seconds)));
  if (!site.file.empty()) {
    candidate.where = SourceLine{site.file, site.line, site.function, site.source};
    if (traced != nullptr) candidate.advice.push_back(retrace_advice(*traced));
    const bool held = !site.holders.empty() && site.holders.front().bytes;
    candidate.advice.push_back(held ? fmt::format("Drop or bound {}: it keeps the {} that {} makes.",
                                                  site.holders.front().path, blocks_of(site), site_name(site))
                                    : fmt::format("Find what keeps the {} that {} makes, and drop or bound it.",
                                                  blocks_of(site), site_name(site)));
  }
  candidate.experiments.push_back("Run twice as many steps: the peak doubles if nothing bounds it.");
  return candidate;
}

}  // namespace segwhy
