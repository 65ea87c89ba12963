// use-after-free, by the heap's history: a fault on the revoked pages of a freed block, an access that exact mode
// checked, or a freed block whose bytes changed.
//
// Near misses: the guard beside a freed block (likely only: a live neighbour may have been meant), a live block.
#include <fmt/format.h>

#include "diagnose/narrate.h"
#include "diagnose/rules/block_history.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

std::string keep_alive_advice(const Facts& facts, const Block& block) {
  const std::string freed = block.freed ? place_of(*block.freed) : std::string();
  return fmt::format("Keep {} alive until its last use{}{}.", block_phrase(block), at_line(facts),
                     freed.empty() ? "" : ": it was freed at " + freed);
}

std::string freed_phrase(const Block& block) {
  const std::string freed = block.freed ? place_of(*block.freed) : std::string();
  return freed.empty() ? "which had been freed" : "which had been freed at " + freed;
}

Candidate from_fault(const Facts& facts, const Fault& fault, const Block& block) {
  const bool proven = block.sole_owner && block.place == kPlaceInside;
  Candidate candidate{.slug = "use-after-free",
                      .confidence = proven ? Confidence::kCertain : Confidence::kLikely,
                      .score = block.place == kPlaceGuard ? 85 : 93};
  candidate.summary =
      fmt::format("{} {}, {} {}, {}{}.", subject(facts), access_phrase(fault), distance_phrase(block, block.offset),
                  block_phrase(block), freed_phrase(block), in_function(facts));
  add_protection_evidence(block, candidate);
  add_block_evidence(block, candidate);
  add_common_evidence(facts, candidate);
  candidate.advice.push_back(keep_alive_advice(facts, block));
  if (!proven)
    candidate.alternatives = {
        {out_of_bounds_slug(fault), "A live block beside it may have been meant."},
        {"wild-pointer", "The address may have come out of nowhere and hit where a block used to be."}};
  return candidate;
}

Candidate from_record(const Facts& facts, const MemoryFinding& finding) {
  Candidate candidate = from_finding(facts, finding, "use-after-free");
  const std::string block = finding.block ? block_phrase(*finding.block) : "a block";
  const std::string freed = finding.block ? freed_phrase(*finding.block) : "which had been freed";
  const std::string where = finding.block ? distance_phrase(*finding.block, finding.offset) : "inside";
  if (finding.late) {
    candidate.summary = fmt::format("Something wrote {} {}, {}; it was noticed late.", where, block, freed);
  } else {
    candidate.summary = fmt::format("{} {} {} {}, {}{}.", subject(facts), access_phrase(finding), where, block, freed,
                                    scene_phrase(finding));
    add_access_evidence(finding, candidate);
    add_common_evidence(facts, candidate);
  }
  if (finding.block) candidate.advice.push_back(keep_alive_advice(facts, *finding.block));
  add_exact_rerun(facts, finding, candidate);
  return candidate;
}

}  // namespace

std::optional<Candidate> freed_block(const Facts& facts) {
  const Block* block = block_of_fault(facts);
  if (block != nullptr && block->state == "freed") return from_fault(facts, *facts.fault(), *block);
  for (const MemoryFinding& finding : facts.evidence.findings)
    if (finding.kind == kFindingAfterFree || finding.kind == kFindingWriteAfterFree) return from_record(facts, finding);
  return std::nullopt;
}

}  // namespace segwhy
