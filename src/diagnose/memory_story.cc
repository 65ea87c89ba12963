#include "diagnose/memory_story.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "diagnose/block_story.h"
#include "diagnose/retrace_story.h"

namespace segwhy {
namespace {

constexpr std::size_t kLinesTold = 3;
constexpr double kPercent = 100;

std::string blocks_of(const MemorySite& site) {
  const std::string noun = site.kind == "tensor" || site.kind == "array" ? site.kind : "block";
  return fmt::format("{} {}{}", site.live_blocks, noun, site.live_blocks == 1 ? "" : "s");
}

// Those that held most at the last look.
std::vector<const MemorySite*> largest(const MemoryUse& memory) {
  std::vector<const MemorySite*> sites;
  for (const MemorySite& site : memory.sites) sites.push_back(&site);
  std::stable_sort(sites.begin(), sites.end(),
                   [](const auto* a, const auto* b) { return a->live_bytes > b->live_bytes; });
  const std::uint64_t least = memory.live_bytes / 20;
  std::erase_if(sites, [least](const auto* site) { return site->live_bytes <= least; });
  if (sites.size() > kLinesTold) sites.resize(kLinesTold);
  return sites;
}

std::string held_sentence(const MemorySite& site, const MemoryUse& memory) {
  return fmt::format("In the last look {} held {} in {} ({:.0f} % of what was allocated).", site_name(site),
                     human_bytes(site.live_bytes), blocks_of(site),
                     kPercent * static_cast<double>(site.live_bytes) / static_cast<double>(memory.live_bytes));
}

void tell_growth(const SiteGrowth& growth, std::optional<std::uint64_t> limit, const MemoryUse& memory,
                 Candidate& candidate) {
  const std::string name = site_name(*growth.site);
  candidate.factors.emplace_back("memory-growth");
  candidate.evidence.push_back(fmt::format("It grew step by step: {} gained {}.", name, gain_of(growth)));
  if (std::string holders = holders_sentence(*growth.site); !holders.empty())
    candidate.evidence.push_back(std::move(holders));
  if (const TracedFunction* const traced = retraced_at(*growth.site, memory)) {
    candidate.evidence.push_back(retrace_sentence(*traced));
    candidate.advice.push_back(retrace_advice(*traced));
  }
  const std::uint64_t other = memory.live_bytes - std::min(memory.live_bytes, growth.site->live_bytes);
  if (!limit || *limit <= other) return;
  candidate.advice.push_back(fmt::format("Keep less of what {} makes: about {} of it fit into {} beside the rest.",
                                         name, human_bytes(*limit - other), human_bytes(*limit)));
}

void tell_request(const MemorySite& site, std::optional<std::uint64_t> limit, const MemoryUse& memory,
                  Candidate& candidate) {
  std::string when;
  if (site.latest_age_s) when = fmt::format(", {} before the last look", duration(*site.latest_age_s));
  candidate.evidence.push_back(
      fmt::format("One request is most of it: {} at {}{}.", human_bytes(site.largest), site_name(site), when));
  const std::uint64_t other = memory.live_bytes - std::min(memory.live_bytes, site.largest);
  if (!limit || *limit <= other) return;
  const std::uint64_t room = *limit - other;
  if (site.largest <= room) return;
  const double part = static_cast<double>(room) / static_cast<double>(site.largest);
  const bool half_fits = site.largest / 2 <= room && site.kind != "other";
  candidate.advice.push_back(
      fmt::format("Make the block at {} smaller: {} of the {} it asks for are left, {:.0f} % of it{}.", site_name(site),
                  human_bytes(room), human_bytes(site.largest), kPercent * part,
                  half_fits ? "; a type of half the width would have fitted" : ""));
}

}  // namespace

const MemorySite* huge_request(const MemoryUse& memory, std::optional<std::uint64_t> limit) {
  const auto most = std::max_element(memory.sites.begin(), memory.sites.end(),
                                     [](const auto& a, const auto& b) { return a.largest < b.largest; });
  if (most == memory.sites.end()) return nullptr;
  const std::uint64_t whole = limit.value_or(memory.live_bytes);
  const bool alive = most->live_bytes >= most->largest;
  return alive && whole != 0 && most->largest >= whole / 2 ? &*most : nullptr;
}

void tell_memory(const Facts& facts, std::optional<std::uint64_t> limit, Candidate& candidate) {
  const auto& memory = facts.evidence.memory;
  if (!memory || memory->sites.empty() || memory->live_bytes == 0) return;
  const std::vector<const MemorySite*> sites = largest(*memory);
  for (const MemorySite* site : sites) candidate.evidence.push_back(held_sentence(*site, *memory));
  const std::vector<SiteGrowth> growing = growing_sites(*memory);
  const MemorySite* const request = huge_request(*memory, limit);
  if (request != nullptr)
    tell_request(*request, limit, *memory, candidate);
  else if (!growing.empty())
    tell_growth(growing.front(), limit, *memory, candidate);
  const MemorySite* const named = request != nullptr ? request
                                  : !growing.empty() ? growing.front().site
                                  : !sites.empty()   ? sites.front()
                                                     : nullptr;
  if (named == nullptr || named->file.empty() || facts.where || candidate.where) return;
  candidate.where = SourceLine{named->file, named->line, named->function, named->source};
}

}  // namespace segwhy
