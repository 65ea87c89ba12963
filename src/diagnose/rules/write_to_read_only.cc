// write-to-read-only: a store to a mapping that can be read but not written.
//
// Near misses: a mapping without any permission (a guard page or reserved memory: wild-pointer); a copy that ran off
// the end of writable memory into whatever lies behind it (wild-pointer when more was left to write than the mapping
// holds, else the alternative, named when the address is on its first page).
#include <fmt/format.h>

#include <csignal>

#include "base/text.h"
#include "diagnose/narrate.h"
#include "diagnose/rerun.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

constexpr int kSegvAccessError = 2;  // SEGV_ACCERR
constexpr std::uint64_t kPage = 4096;

bool is_elf_part(const MappingInfo& mapping) {
  return !mapping.section.empty() || mapping.path.find(".so") != std::string::npos;
}

std::string advice_for(const Facts& facts, const MappingInfo& mapping) {
  if (mapping.path.empty() || mapping.path.starts_with('['))
    return facts.where ? fmt::format("Pass a writable copy at {} instead of the protected buffer.", line_name(facts))
                       : "";
  if (is_elf_part(mapping))
    return fmt::format(
        "The target is constant data of {}: copy it into a buffer of your own before anything writes to it{}.",
        base_name(mapping.path), at_line(facts));
  return fmt::format(
      "{} is mapped read-only: open it for writing (mode=\"r+\" or \"c\" of numpy.memmap, ACCESS_COPY of mmap) or pass "
      "a copy{}.",
      base_name(mapping.path), at_line(facts));
}

}  // namespace

std::optional<Candidate> write_to_read_only(const Facts& facts) {
  const Fault* fault = facts.fault();
  if (!facts.died_of(SIGSEGV) || !facts.raised_by_kernel() || fault == nullptr || !fault->inside) return std::nullopt;
  if (fault->access != "write" || !fault->inside->permissions.starts_with("r-")) return std::nullopt;

  const MappingInfo& mapping = *fault->inside;
  Candidate candidate{.slug = "write-to-read-only", .confidence = Confidence::kCertain, .score = 80};
  const bool near_start = fault->address && *fault->address - mapping.start < kPage;
  if (near_start || is_elf_part(mapping) || facts.evidence.death.code != kSegvAccessError) {
    candidate.confidence = Confidence::kLikely;
    candidate.alternatives.push_back(
        {"out-of-bounds-write",
         near_start ? "The address is on the mapping's first page, where an overrun of what lies before it arrives."
                    : "A stray pointer may have hit this library's data by accident."});
    candidate.alternatives.push_back({"wild-pointer", "The pointer may never have been meant for this mapping."});
    candidate.experiments = memory_experiments(facts);
  }
  // The overrun is the lead then; that the memory behind could not be written to is luck.
  const bool overran = ran_into_next_mapping(*fault);
  if (overran) candidate.confidence = Confidence::kPossible;
  candidate.summary = fmt::format("{} {}, in read-only memory: {}{}.", subject(facts), access_phrase(*fault),
                                  describe(mapping), in_function(facts));
  candidate.evidence.push_back(
      fmt::format("{} lies {} into {}, whose permissions are {}.", hex(fault->address.value_or(0)),
                  human_bytes(fault->address.value_or(mapping.start) - mapping.start),
                  mapping.path.empty() ? "an anonymous mapping" : mapping.path, mapping.permissions));
  add_common_evidence(facts, candidate);
  if (!overran) add(candidate.advice, advice_for(facts, mapping));
  return candidate;
}

}  // namespace segwhy
