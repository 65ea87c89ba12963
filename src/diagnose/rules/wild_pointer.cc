// wild-pointer: an address that belongs to nothing known, or to something that may not be touched at all.
//
// A copy or fill that left the memory it was meant for and ran into the next mapping belongs here, too, whatever that
// mapping forbids (write_to_read_only.cc has the near miss).
//
// Never more than likely: without the history of the blocks nobody can tell a pointer that was wrong from one that was
// right once or an index that ran too far. Those are the alternatives, ordered by what the operands show.
#include <fmt/format.h>

#include <csignal>

#include "base/text.h"
#include "diagnose/frames.h"
#include "diagnose/narrate.h"
#include "diagnose/reach.h"
#include "diagnose/rerun.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

constexpr std::uint64_t kPage = 4096;

// The access ran off the end of a mapping: the way a loop or a copy that is too long dies.
bool ran_off_the_end(const Fault& fault) {
  if (!fault.address) return false;
  if (fault.below && fault.below->permissions.starts_with('r') && fault.below->distance < kPage) return true;
  return fault.inside && *fault.address - fault.inside->start < kPage;
}

bool copies_in_bulk(const Facts& facts) {
  if (facts.crashed != nullptr && !facts.crashed->native.empty() && is_memory_routine(facts.crashed->native.front()))
    return true;
  return facts.instruction() != nullptr && facts.instruction()->category == "string";
}

std::string reach_sentence(const Reach& reach) {
  std::string text =
      fmt::format("{} = {} points into {}, and the access lies {} {} it", reach.base_register, hex(reach.base),
                  describe(reach.mapping),
                  human_bytes(static_cast<std::uint64_t>(reach.distance < 0 ? -reach.distance : reach.distance)),
                  reach.distance < 0 ? "before" : "past");
  if (!reach.index_register.empty()) text += fmt::format(" ({} = {})", reach.index_register, reach.index);
  return text + ".";
}

// What the access is told as; the first that applies.
enum class Kind { kFreed, kOverrun, kReach, kNonCanonical, kProtected, kUnmapped };

struct Leads {
  Kind kind = Kind::kUnmapped;
  std::optional<Reach> reach;
  std::optional<BaseReading> base;
  std::vector<std::string> concurrent;
  bool off_the_end = false;
  bool bulk = false;
};

Kind kind_of_access(const Facts& facts, const Fault& fault, const Leads& leads) {
  if (is_bad_free_argument(facts)) return Kind::kFreed;
  if (ran_into_next_mapping(fault)) return Kind::kOverrun;
  if (leads.reach) return Kind::kReach;
  if (fault.non_canonical) return Kind::kNonCanonical;
  return fault.inside ? Kind::kProtected : Kind::kUnmapped;
}

Leads leads_of(const Facts& facts, const Fault& fault) {
  Leads leads;
  leads.reach = reach_of(fault);
  leads.concurrent = concurrent_activity(facts);
  leads.off_the_end = ran_off_the_end(fault);
  leads.bulk = copies_in_bulk(facts);
  if (const Operand* operand = faulting_operand(fault)) leads.base = read_base(*operand, facts.evidence);
  leads.kind = kind_of_access(facts, fault, leads);
  return leads;
}

bool points_to_reuse(const Leads& leads) {
  const auto kind = leads.base ? leads.base->reading.kind : Reading::Kind::kText;
  return kind == Reading::Kind::kFreedFill || kind == Reading::Kind::kFreeListLink;
}

// A pointer that somebody kept and then freed was good once: what overwrote it is the question.
void add_alternatives_of_free(Candidate& candidate) {
  candidate.alternatives.push_back(
      {"out-of-bounds-write", "A write past the end of a neighbouring buffer may have replaced the stored pointer."});
  candidate.alternatives.push_back(
      {"use-after-free", "The object that stored the pointer may be gone, its memory reused."});
  candidate.alternatives.push_back({"invalid-free", "The pointer may never have come from an allocation."});
}

void add_alternatives(const Fault& fault, const Leads& leads, Candidate& candidate) {
  const std::string same_way = out_of_bounds_slug(fault);
  const std::string other_way = same_way == "out-of-bounds-read" ? "out-of-bounds-write" : "out-of-bounds-read";
  const Alternative out_of_bounds{
      same_way, leads.kind == Kind::kOverrun
                    ? "What was left to copy or fill is larger than the mapping it arrived at: the length is too long."
                : leads.reach ? "The base of the access is a good pointer and only the index leads away from it."
                : leads.off_the_end
                    ? "The address is right behind something mapped, where a loop or copy that is too long ends up."
                    : "An index or length computed from the inputs may have carried a good pointer too far."};
  const Alternative freed{"use-after-free",
                          leads.concurrent.empty()
                              ? "The memory may have been there once: a large block is unmapped when it is freed."
                              : "Another thread was releasing or using the same memory."};
  const bool index_first = !points_to_reuse(leads);
  if (index_first) candidate.alternatives.push_back(out_of_bounds);
  candidate.alternatives.push_back(freed);
  if (!index_first) candidate.alternatives.push_back(out_of_bounds);
  if (!leads.concurrent.empty()) candidate.alternatives.push_back({"data-race", leads.concurrent.front()});
  candidate.alternatives.push_back(
      {other_way, "The pointer itself may have been overwritten, or read from, outside its own block."});
}

void add_evidence(const Facts& facts, const Fault& fault, const Leads& leads, Candidate& candidate) {
  if (fault.address) candidate.evidence.push_back(fmt::format("{} is {}.", hex(*fault.address), describe_place(fault)));
  if (leads.reach) candidate.evidence.push_back(reach_sentence(*leads.reach));
  if (leads.base) candidate.evidence.push_back(sentence_of(*leads.base));
  if (leads.kind == Kind::kOverrun)
    candidate.evidence.push_back(fmt::format("{} were still to go, and the mapping has only {}: it was not meant.",
                                             human_bytes(bytes_left(fault).value_or(0)),
                                             human_bytes(fault.inside->end - fault.inside->start)));
  else if (leads.off_the_end && !leads.reach)
    candidate.evidence.push_back(
        fmt::format("The address is right behind {}{}.", describe(fault.below ? *fault.below : *fault.inside),
                    leads.bulk ? ", and the instruction belongs to a copy or fill of many bytes" : ""));
  add_common_evidence(facts, candidate);
  for (const std::string& sentence : leads.concurrent) candidate.evidence.push_back(sentence);
}

// The operand is where it belongs, only not on the boundary that an aligned vector instruction insists on.
Candidate misaligned(const Facts& facts, const Fault& fault) {
  Candidate candidate{.slug = "wild-pointer", .confidence = Confidence::kPossible, .score = 80};
  candidate.summary =
      fmt::format("{} used an instruction that insists on alignment on {}, which is not aligned{}.", subject(facts),
                  fault.address ? hex(*fault.address) : "an address", in_function(facts));
  candidate.evidence.push_back(fmt::format("The address is {}; only its alignment is wrong.", describe_place(fault)));
  add_common_evidence(facts, candidate);
  candidate.alternatives.push_back(
      {"abi-mismatch",
       "Two libraries built with different vector flags disagree about the alignment of what they share."});
  candidate.alternatives.push_back(
      {"allocator-mismatch", "The block came from an allocator that aligns less than the code expects."});
  return candidate;
}

// The kernel gave no address and no instruction could be decoded: only that it was non-canonical or protected is known.
Candidate without_address(const Facts& facts) {
  Candidate candidate{.slug = "wild-pointer", .confidence = Confidence::kPossible, .score = 10};
  candidate.summary = fmt::format("{} touched an address the CPU does not accept{}; which one is not known.",
                                  subject(facts), in_function(facts));
  add_common_evidence(facts, candidate);
  candidate.experiments = memory_experiments(facts);
  return candidate;
}

// A mapping that grants the access now was not there, or not so, when the fault happened.
bool is_mapped_now(const Fault& fault) {
  if (!fault.inside || fault.inside->permissions.size() < 3) return false;
  if (fault.access == "write") return fault.inside->permissions[1] == 'w';
  return fault.access == "read" && fault.inside->permissions[0] == 'r';
}

std::string summary_of(const Facts& facts, const Fault& fault, const Leads& leads) {
  const std::string who = subject(facts);
  const std::string did = access_phrase(fault);
  const std::string where = in_function(facts);
  switch (leads.kind) {
    case Kind::kFreed:
      return fmt::format("{} released a pointer that is no valid one{}: free() could not read in front of it.", who,
                         where);
    case Kind::kOverrun:
      return fmt::format("{} {}: it ran past the end of its memory into {}{}.", who, did, describe(*fault.inside),
                         where);
    case Kind::kReach:
      return fmt::format("{} {}, {} {} the memory its base points to{}.", who, did,
                         human_bytes(static_cast<std::uint64_t>(std::abs(leads.reach->distance))),
                         leads.reach->distance < 0 ? "before" : "beyond", where);
    case Kind::kNonCanonical:
      return fmt::format("{} {}, which is no valid address{}.", who, did, where);
    case Kind::kProtected:
      return fmt::format("{} {}, which may not be touched{}.", who, did, where);
    case Kind::kUnmapped:
      break;
  }
  return fmt::format("{} {}, where nothing is mapped{}.", who, did, where);
}

bool called_from_python(const Facts& facts) {
  return facts.crashed != nullptr && !culprit_of(*facts.crashed).called_through.empty();
}

bool belongs_to_another_rule(const Facts& facts, const Fault& fault) {
  if (is_jump_fault(facts) || is_stack_overflow(facts)) return true;
  const bool bus_error_in_file = facts.died_of(SIGBUS) && !fault.non_canonical && fault.inside;
  const bool no_write_permission = fault.access == "write" && fault.inside &&
                                   fault.inside->permissions.starts_with("r-") && !ran_into_next_mapping(fault);
  return bus_error_in_file || no_write_permission || null_pointer(facts).has_value();
}

}  // namespace

std::optional<Candidate> wild_pointer(const Facts& facts) {
  if (!facts.memory_fault()) return std::nullopt;
  const Fault* fault = facts.fault();
  const bool stopped_itself = facts.instruction() != nullptr && facts.instruction()->category == "trap";
  if (stopped_itself) return std::nullopt;
  if (fault == nullptr || (!fault->address && !fault->non_canonical))
    return facts.evidence.death.code == SI_KERNEL ? std::optional(without_address(facts)) : std::nullopt;
  if (fault->misaligned) return misaligned(facts, *fault);
  if (belongs_to_another_rule(facts, *fault)) return std::nullopt;

  const Leads leads = leads_of(facts, *fault);
  Candidate candidate{.slug = "wild-pointer", .confidence = Confidence::kLikely, .score = 70};
  candidate.summary = summary_of(facts, *fault, leads);
  if (is_mapped_now(*fault)) {
    candidate.confidence = Confidence::kPossible;
    candidate.evidence.push_back("The address is mapped and accessible by now: the mapping changed around the fault.");
    candidate.alternatives.push_back({"data-race", "Another thread mapped or unmapped the memory at the same time."});
  }
  add_evidence(facts, *fault, leads, candidate);
  add(candidate.advice, argument_advice(facts));
  if (leads.base && leads.base->reading.kind == Reading::Kind::kCutPointer && called_from_python(facts))
    candidate.advice.insert(candidate.advice.begin(),
                            fmt::format("Declare argtypes and restype of the function{}: ctypes passes and returns C "
                                        "ints where they are missing.",
                                        at_line(facts)));
  if (leads.kind == Kind::kFreed)
    add_alternatives_of_free(candidate);
  else
    add_alternatives(*fault, leads, candidate);
  candidate.experiments = memory_experiments(facts);
  return candidate;
}

}  // namespace segwhy
