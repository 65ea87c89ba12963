// double-free, invalid-free and allocator-mismatch, by the heap's own state: it knows every block it gave out, so what
// it says of a pointer is a fact.
#include <fmt/format.h>

#include "diagnose/narrate.h"
#include "diagnose/rules/block_history.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

const MemoryFinding* last_of(const Facts& facts, const char* kind) {
  const auto& findings = facts.evidence.findings;
  for (auto it = findings.rbegin(); it != findings.rend(); ++it)
    if (it->kind == kind) return &*it;
  return nullptr;
}

Candidate certain(const Facts& facts, const MemoryFinding& finding, const char* slug) {
  Candidate candidate = from_finding(facts, finding, slug);
  candidate.confidence = Confidence::kCertain;
  candidate.score = 95;
  add_common_evidence(facts, candidate);
  return candidate;
}

std::string call_place(const MemoryFinding& finding) {
  const std::string place = finding.found ? place_of(*finding.found) : std::string();
  return place.empty() ? "" : " at " + place;
}

}  // namespace

std::optional<Candidate> second_free(const Facts& facts) {
  const MemoryFinding* finding = last_of(facts, kFindingDoubleFree);
  if (finding == nullptr) return std::nullopt;
  Candidate candidate = certain(facts, *finding, "double-free");
  const std::string block = finding->block ? block_phrase(*finding->block) : "a block";
  candidate.summary = fmt::format("A block was freed a second time{}: {}.", call_place(*finding), block);
  const std::string first = finding->block && finding->block->freed ? place_of(*finding->block->freed) : std::string();
  candidate.advice.push_back(fmt::format("Only one of the two may free it: the one{} or the one{}.",
                                         first.empty() ? " that came first" : " at " + first, call_place(*finding)));
  return candidate;
}

std::optional<Candidate> free_of_no_block(const Facts& facts) {
  const MemoryFinding* finding = last_of(facts, kFindingInvalidFree);
  if (finding == nullptr) return std::nullopt;
  Candidate candidate = certain(facts, *finding, "invalid-free");
  candidate.summary =
      finding->block ? fmt::format("A pointer was freed{} that is none the allocator gave out: it lies {} {}.",
                                   call_place(*finding), distance_phrase(*finding->block, finding->offset),
                                   block_phrase(*finding->block))
                     : fmt::format("A pointer was freed{} that is none the allocator gave out.", call_place(*finding));
  candidate.advice.push_back("Free exactly the address that the allocation returned, not one inside the block.");
  return candidate;
}

std::optional<Candidate> free_of_another_kind(const Facts& facts) {
  const MemoryFinding* finding = last_of(facts, kFindingMismatchedFree);
  if (finding == nullptr) return std::nullopt;
  Candidate candidate = certain(facts, *finding, "allocator-mismatch");
  const std::string block = finding->block ? block_phrase(*finding->block) : "a block";
  candidate.summary =
      fmt::format("{} was released{} by the counterpart of another allocation function.", block, call_place(*finding));
  candidate.summary.front() = 'T';
  candidate.advice.push_back(
      "Release with delete what new made, with delete[] what new[] made, with free what malloc made.");
  return candidate;
}

}  // namespace segwhy
