// use-after-free and uninitialised-read, from the one trace they leave without block history: a register of the
// faulting access holds what allocators write into freed or fresh blocks.
#include <fmt/format.h>

#include "base/text.h"
#include "diagnose/narrate.h"
#include "diagnose/reach.h"
#include "diagnose/rerun.h"
#include "diagnose/rules/block_history.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"
#include "evidence/model/heap.h"

namespace segwhy {
namespace {

using Kind = Reading::Kind;

std::optional<BaseReading> trace_of(const Facts& facts) {
  const Fault* fault = facts.fault();
  if (!facts.memory_fault() || fault == nullptr) return std::nullopt;
  const Operand* operand = faulting_operand(*fault);
  return operand == nullptr ? std::nullopt : read_base(*operand, facts.evidence);
}

Candidate from_trace(const Facts& facts, const BaseReading& trace, const char* slug) {
  Candidate candidate{.slug = slug, .score = 80};
  candidate.confidence = trace.reading.sure ? Confidence::kLikely : Confidence::kPossible;
  candidate.evidence.push_back(
      fmt::format("{} = {} is {}.", trace.register_name, hex(trace.value), trace.reading.sentence));
  add_common_evidence(facts, candidate);
  candidate.experiments = memory_experiments(facts);
  return candidate;
}

}  // namespace

std::optional<Candidate> use_after_free(const Facts& facts) {
  const auto trace = trace_of(facts);
  if (!trace || (trace->reading.kind != Kind::kFreedFill && trace->reading.kind != Kind::kFreeListLink))
    return std::nullopt;
  Candidate candidate = from_trace(facts, *trace, "use-after-free");
  candidate.summary = fmt::format("{} used an object whose memory had been freed{}: its first pointer is {}.",
                                  subject(facts), in_function(facts), trace->reading.sentence);
  candidate.alternatives = {{"double-free", "The use may be the second release of the same object."},
                            {"wild-pointer", "The value may be a stray number that only looks like that."},
                            {"heap-corruption", "An overrun may have copied the allocator's data over the object."}};
  if (facts.where)
    candidate.advice.push_back(fmt::format(
        "Keep the object used at {} alive until then: look for who else owns or releases it.", line_name(facts)));
  return candidate;
}

namespace {

// Exact mode saw it. Likely only: some code reads such memory on purpose and checks what it got (sparse sets).
Candidate from_finding_of_unwritten(const Facts& facts, const MemoryFinding& finding) {
  Candidate candidate = from_finding(facts, finding, "uninitialised-read");
  candidate.confidence = Confidence::kLikely;
  candidate.score = facts.evidence.death.kind == "signal" ? 60 : 75;
  const std::uint64_t count = finding.wrong_bytes.value_or(0);
  const std::string block = finding.block ? block_phrase(*finding.block) : "a block";
  const std::string where = finding.block ? distance_phrase(*finding.block, finding.offset) : "inside";
  candidate.summary = fmt::format("{} read {} byte{} {} {} that nothing had written since, and went by what it read{}.",
                                  subject(facts), count, count == 1 ? "" : "s", where, block, scene_phrase(finding));
  candidate.evidence.emplace_back(
      "Every access to the block was seen, and none had written these bytes. What was loaded then chose a branch, or "
      "was used as an address.");
  add_access_evidence(finding, candidate);
  add_common_evidence(facts, candidate);
  candidate.alternatives = {
      {"ok", "Code may read such memory on purpose and check what it got before it relies on it (sparse sets)."}};
  candidate.advice.push_back(fmt::format(
      "Initialise all of {} before its first use, or find out why byte {} was left out.", block, finding.offset));
  return candidate;
}

}  // namespace

std::optional<Candidate> uninitialised_read(const Facts& facts) {
  for (const MemoryFinding& finding : facts.evidence.findings)
    if (finding.kind == kFindingUnwritten && !trace_of(facts)) return from_finding_of_unwritten(facts, finding);
  const auto trace = trace_of(facts);
  if (!trace || trace->reading.kind != Kind::kFreshFill) return std::nullopt;
  Candidate candidate = from_trace(facts, *trace, "uninitialised-read");
  candidate.summary = fmt::format("{} used a pointer from memory that was never written{}: it is {}.", subject(facts),
                                  in_function(facts), trace->reading.sentence);
  candidate.alternatives = {{"wild-pointer", "The value may be a stray number that only looks like that."}};
  return candidate;
}

}  // namespace segwhy
