// out-of-bounds-read and out-of-bounds-write, by the heap's history: a fault beside a live block, an access that exact
// mode checked, or bytes around a block that were found overwritten.
//
// Certain only where the geometry proves it: the guard belongs to that block's slot alone, or the runtime saw the very
// access. Near misses: a freed block (use-after-free), a guard between two blocks that are about as far away, an access
// that was computed from a block's address but ended far from it (likely).
#include <fmt/format.h>

#include "diagnose/narrate.h"
#include "diagnose/rules/block_history.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

std::string check_advice(const Facts& facts, const Block& block, const std::string& line) {
  const std::string size = fmt::format("it has {} bytes", block.size);
  return fmt::format("Check the index or length that is used{} against the size of {}: {}.",
                     line.empty() ? at_line(facts) : " at " + line, block_phrase(block), size);
}

Candidate from_fault(const Facts& facts, const Fault& fault, const Block& block) {
  Candidate candidate{.slug = out_of_bounds_slug(fault), .confidence = Confidence::kLikely, .score = 92};
  const bool proven = block.sole_owner && !fault.access.empty();
  if (proven) candidate.confidence = Confidence::kCertain;
  candidate.summary = fmt::format("{} {}, {} {}{}.", subject(facts), access_phrase(fault),
                                  distance_phrase(block, block.offset), block_phrase(block), in_function(facts));
  add_protection_evidence(block, candidate);
  add_block_evidence(block, candidate);
  add_common_evidence(facts, candidate);
  candidate.advice.push_back(check_advice(facts, block, ""));
  add(candidate.advice, argument_advice(facts));
  if (!proven)
    candidate.alternatives = {
        {"use-after-free", "Another block, freed by now, may have been meant."},
        {"wild-pointer", "The address may have come out of nowhere; the nearest block is only the nearest."}};
  return candidate;
}

Candidate from_checked_access(const Facts& facts, const MemoryFinding& finding) {
  const std::string slug = finding.access == "write" ? "out-of-bounds-write" : "out-of-bounds-read";
  Candidate candidate = from_finding(facts, finding, slug);
  const std::string block = finding.block ? block_phrase(*finding.block) : "a watched block";
  const std::string where = finding.block ? distance_phrase(*finding.block, finding.offset) : "outside of";
  const std::string place = finding.found ? place_of(*finding.found) : std::string();
  candidate.summary =
      fmt::format("{} {} {} {}{}.", subject(facts), access_phrase(finding), where, block, scene_phrase(finding));
  if (finding.block && !finding.block->sole_owner) {
    candidate.confidence = Confidence::kLikely;
    candidate.alternatives = {{"use-after-free",
                               "The block on the other side of the place, or one that lay there "
                               "before, may have been meant."}};
  }
  add_access_evidence(finding, candidate);
  add_common_evidence(facts, candidate);
  if (finding.block) candidate.advice.push_back(check_advice(facts, *finding.block, place));
  return candidate;
}

Candidate from_overwritten_bytes(const Facts& facts, const MemoryFinding& finding) {
  Candidate candidate = from_finding(facts, finding, "out-of-bounds-write");
  const std::string block = finding.block ? block_phrase(*finding.block) : "a block";
  const std::string where = finding.block ? distance_phrase(*finding.block, finding.offset) : "outside of";
  candidate.summary = fmt::format("Something wrote {} {}; it was noticed late.", where, block);
  if (finding.block) candidate.advice.push_back(check_advice(facts, *finding.block, ""));
  add_exact_rerun(facts, finding, candidate);
  return candidate;
}

const MemoryFinding* first_of(const Facts& facts, std::initializer_list<const char*> kinds) {
  for (const MemoryFinding& finding : facts.evidence.findings)
    for (const char* kind : kinds)
      if (finding.kind == kind) return &finding;
  return nullptr;
}

}  // namespace

std::optional<Candidate> out_of_bounds(const Facts& facts) {
  const Block* block = block_of_fault(facts);
  const bool beside = block != nullptr && block->state == "live" && block->place != kPlaceInside;
  if (beside) return from_fault(facts, *facts.fault(), *block);
  if (const auto* access = first_of(facts, {kFindingOutOfBounds})) return from_checked_access(facts, *access);
  if (const auto* late = first_of(facts, {kFindingWriteBehind, kFindingWriteBefore}))
    return from_overwritten_bytes(facts, *late);
  return std::nullopt;
}

}  // namespace segwhy
