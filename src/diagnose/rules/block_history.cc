#include "diagnose/rules/block_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "diagnose/frames.h"
#include "diagnose/narrate.h"
#include "diagnose/rerun.h"
#include "diagnose/rules/memory_fault.h"

namespace segwhy {

const Block* block_of_fault(const Facts& facts) {
  const Fault* fault = facts.fault();
  if (!facts.memory_fault() || fault == nullptr || !fault->address || !facts.evidence.block) return nullptr;
  if (is_jump_fault(facts) || is_stack_overflow(facts)) return nullptr;
  const Block& block = *facts.evidence.block;
  const bool same = *fault->address == block.address + static_cast<Address>(block.offset);
  return same ? &block : nullptr;
}

Confidence confidence_of_finding(const Facts& facts) {
  const bool died_of_signal = facts.evidence.death.kind == "signal";
  if (!died_of_signal || heap_complaint(facts) != nullptr) return Confidence::kCertain;
  const bool in_allocator =
      facts.crashed != nullptr && !facts.crashed->native.empty() && is_allocator(facts.crashed->native.front());
  return in_allocator ? Confidence::kCertain : Confidence::kLikely;
}

namespace {

// The innermost frame of an access, when it is one of libc's functions that hand memory to the kernel: "read".
std::string system_call_of(const MemoryFinding& finding) {
  if (!finding.found || finding.found->native.empty() || !is_libc(finding.found->native.front())) return {};
  std::string_view name = plain_name(finding.found->native.front());
  while (name.starts_with('_')) name.remove_prefix(1);
  if (name.starts_with("libc_")) name.remove_prefix(5);
  static constexpr std::array<std::string_view, 22> kCalls = {
      "read",   "write",    "pread",     "pread64",    "pwrite", "pwrite64", "readv",   "writev",
      "preadv", "preadv64", "pwritev",   "pwritev64",  "recv",   "recvfrom", "recvmsg", "send",
      "sendto", "sendmsg",  "getrandom", "getdents64", "getcwd", "readlink"};
  return std::find(kCalls.begin(), kCalls.end(), name) == kCalls.end() ? std::string() : std::string(name);
}

}  // namespace

std::string access_phrase(const MemoryFinding& finding) {
  const bool writes = finding.access == "write";
  const std::uint64_t count = finding.wrong_bytes.value_or(0);
  const std::string bytes = count == 0 ? "" : fmt::format(" {} byte{}", count, count == 1 ? "" : "s");
  if (system_call_of(finding).empty()) return (writes ? "wrote" : "read") + bytes;
  return fmt::format("let the kernel {}{}", writes ? "write" : "read", bytes);
}

std::string scene_phrase(const MemoryFinding& finding) {
  const std::string place = finding.found ? place_of(*finding.found) : std::string();
  const std::string call = system_call_of(finding);
  return (call.empty() ? "" : fmt::format(", in a call of {}()", call)) + (place.empty() ? "" : ", at " + place);
}

void add_access_evidence(const MemoryFinding& finding, Candidate& candidate) {
  const bool by_call = !system_call_of(finding).empty();
  if (finding.repeats)
    candidate.evidence.push_back(fmt::format("The same {} did so {} more time{}.",
                                             by_call ? "place in the program" : "instruction", *finding.repeats,
                                             *finding.repeats == 1 ? "" : "s"));
  if (by_call)
    candidate.evidence.emplace_back(
        "The system call went through, as it does plainly, and touched no other block: it was given other memory for "
        "what lies outside of this one.");
}

void add_exact_rerun(const Facts& facts, const MemoryFinding& finding, Candidate& candidate) {
  if (finding.late)
    candidate.advice.push_back(
        fmt::format("To see the instruction that writes there: {}.", rerun(facts, "", "--protect exact")));
}

void add_block_evidence(const Block& block, Candidate& candidate) {
  add(candidate.evidence, allocated_sentence(block));
  add(candidate.evidence, freed_sentence(block));
  for (const std::string& note : block.notes) candidate.evidence.push_back(note);
}

void add_protection_evidence(const Block& block, Candidate& candidate) {
  if (block.place == kPlaceSlack) return;
  candidate.evidence.push_back(
      fmt::format("Segwhy's protection ended the program at this access: {}. With --protect off it may go on with "
                  "wrong data, or die "
                  "later and elsewhere.",
                  block.state == "freed" ? "the memory of freed blocks is inaccessible"
                                         : "the pages around the block are inaccessible"));
}

Candidate from_finding(const Facts& facts, const MemoryFinding& finding, std::string slug) {
  Candidate candidate{.slug = std::move(slug), .confidence = confidence_of_finding(facts), .score = 88};
  // Beside a death of its own it is a better lead than an address that belongs to nothing, no more.
  if (candidate.confidence == Confidence::kLikely) candidate.score = 72;
  if (!finding.seen.empty())
    candidate.evidence.push_back(
        fmt::format("{} byte{} there {} changed: {} became {}.", finding.wrong_bytes.value_or(1),
                    finding.wrong_bytes.value_or(1) == 1 ? "" : "s",
                    finding.wrong_bytes.value_or(1) == 1 ? "is" : "are", finding.expected, finding.seen));
  add(candidate.evidence, moment_sentence(finding));
  if (finding.block) add_block_evidence(*finding.block, candidate);
  if (heap_complaint(facts) != nullptr) candidate.factors.emplace_back("heap-corruption");
  if (!facts.where && finding.found) candidate.where = line_of(*finding.found);
  return candidate;
}

}  // namespace segwhy
