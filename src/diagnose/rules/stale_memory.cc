// use-after-free and uninitialised-read, from the one trace they leave without block history: a register of the
// faulting access holds what allocators write into freed or fresh blocks.
#include <fmt/format.h>

#include "base/text.h"
#include "diagnose/narrate.h"
#include "diagnose/reach.h"
#include "diagnose/rerun.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

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

std::optional<Candidate> uninitialised_read(const Facts& facts) {
  const auto trace = trace_of(facts);
  if (!trace || trace->reading.kind != Kind::kFreshFill) return std::nullopt;
  Candidate candidate = from_trace(facts, *trace, "uninitialised-read");
  candidate.summary = fmt::format("{} used a pointer from memory that was never written{}: it is {}.", subject(facts),
                                  in_function(facts), trace->reading.sentence);
  candidate.alternatives = {{"wild-pointer", "The value may be a stray number that only looks like that."}};
  return candidate;
}

}  // namespace segwhy
