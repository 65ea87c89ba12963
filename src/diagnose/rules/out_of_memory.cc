// out-of-memory: the kernel's or a cgroup's OOM killer ended the process: SIGKILL, and a counter that moved.
//
// Near misses: a plain SIGKILL (killed); a counter of the whole machine that moved for another process, long before
// this one died, while this one was small.
#include <fmt/format.h>

#include <csignal>

#include "base/text.h"
#include "diagnose/memory_story.h"
#include "diagnose/memory_trend.h"
#include "diagnose/narrate.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

bool moved(const std::optional<std::uint64_t>& before, const std::optional<std::uint64_t>& after) {
  return before && after && *after > *before;
}

// A kill by the kernel and a kill by somebody else so close together would be a coincidence.
bool moved_just_now(const Machine& machine) {
  constexpr double kCoincidenceS = 5;
  return machine.oom_kills_window_s && *machine.oom_kills_window_s < kCoincidenceS;
}

std::string when(const Machine& machine) {
  return machine.oom_kills_window_s
             ? fmt::format(" in the {:.1f} s before the end was seen", *machine.oom_kills_window_s)
             : "";
}

std::uint64_t last_rss(const Machine& machine) {
  std::uint64_t rss = machine.peak_rss.value_or(0);
  if (!machine.samples.empty()) rss = std::max(rss, machine.samples.back().rss);
  return rss;
}

void add_memory_evidence(const Facts& facts, Candidate& candidate) {
  const Machine& machine = facts.evidence.machine;
  if (const std::uint64_t rss = last_rss(machine); rss != 0)
    candidate.evidence.push_back(fmt::format("The process held {} when it was last seen.", human_bytes(rss)));
  if (!machine.samples.empty() && machine.samples.back().tree_rss > machine.samples.back().rss)
    candidate.evidence.push_back(
        fmt::format("All processes of the run together held {} then.", human_bytes(machine.samples.back().tree_rss)));
  if (machine.memory_total)
    candidate.evidence.push_back(fmt::format("The machine has {} of memory.", human_bytes(*machine.memory_total)));
  if (const auto growth = memory_growth(machine.samples)) {
    candidate.factors.push_back("memory-growth");
    candidate.evidence.push_back(fmt::format("Its memory grew steadily, by {} in the last {:.0f} s.",
                                             human_bytes(growth->bytes), growth->seconds));
  }
}

void add_advice(const Facts& facts, Candidate& candidate) {
  const Machine& machine = facts.evidence.machine;
  const std::string rss = human_bytes(last_rss(machine));
  if (machine.cgroup && machine.cgroup->memory_limit)
    candidate.advice.push_back(
        fmt::format("Raise the container's memory limit, now {} (`docker run -m`, resources.limits.memory), or make "
                    "the program need less than that.",
                    human_bytes(*machine.cgroup->memory_limit)));
  if (facts.where)
    candidate.advice.push_back(
        fmt::format("It was at {} when it was last looked at: load less at a time there.", line_name(facts)));
  const bool line_known = facts.evidence.memory && !growing_sites(*facts.evidence.memory).empty();
  if (memory_growth(machine.samples) && !line_known)
    candidate.advice.push_back(
        "Find what keeps every step's objects: lists that collect tensors, a dataset's cache(), a function traced anew "
        "each step.");
}

}  // namespace

std::optional<Candidate> out_of_memory(const Facts& facts) {
  const Machine& machine = facts.evidence.machine;
  const bool declared = facts.evidence.death.kind == "oom";
  if ((!facts.died_of(SIGKILL) && !declared) || facts.sent_from_outside()) return std::nullopt;
  const bool cgroup = machine.cgroup && moved(machine.cgroup->oom_kills_before, machine.cgroup->oom_kills_after);
  const bool kernel = moved(machine.oom_kills_before, machine.oom_kills_after);
  if (!cgroup && !kernel && !declared) return std::nullopt;

  const std::uint64_t rss = last_rss(machine);
  const auto limit = cgroup ? machine.cgroup->memory_limit : machine.memory_total;
  const bool large = limit && rss != 0 && rss >= *limit / (cgroup ? 2 : 4);
  const bool small = limit && rss != 0 && rss < *limit / 20;
  Candidate candidate{.slug = "out-of-memory", .confidence = Confidence::kLikely, .score = 60};
  if (large && (cgroup || kernel)) candidate.confidence = Confidence::kCertain;
  if (small && !cgroup && !declared && !moved_just_now(machine)) candidate.confidence = Confidence::kPossible;
  candidate.summary =
      fmt::format("The {} killed the process for want of memory{}{}.", cgroup ? "container's memory limit" : "kernel",
                  limit ? fmt::format(" ({}: {})", cgroup ? "limit" : "machine", human_bytes(*limit)) : "",
                  rss != 0 ? fmt::format("; it held {}", human_bytes(rss)) : "");
  if (cgroup)
    candidate.evidence.push_back(fmt::format("oom_kill of cgroup {} went from {} to {}.", machine.cgroup->path,
                                             *machine.cgroup->oom_kills_before, *machine.cgroup->oom_kills_after));
  if (kernel)
    candidate.evidence.push_back(fmt::format("The kernel's oom_kill counter went from {} to {}{}.",
                                             *machine.oom_kills_before, *machine.oom_kills_after, when(machine)));
  add_memory_evidence(facts, candidate);
  tell_memory(facts, limit, candidate);
  add_advice(facts, candidate);
  if (candidate.confidence != Confidence::kCertain)
    candidate.alternatives.push_back(
        {"killed", "The counter may have moved for another process, and somebody else sent SIGKILL."});
  return candidate;
}

}  // namespace segwhy
