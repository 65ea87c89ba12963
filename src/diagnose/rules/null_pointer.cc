// null-pointer: the address is below 64 KiB and so is the register it was computed from.
//
// Near misses: a small address computed from a large base (a wild pointer that happens to be small); no address at all
// (a non-canonical one: the kernel reports 0); a jump to null (bad-jump); a null base with a huge index, where the
// address is far away but the array is null all the same.
#include <fmt/format.h>

#include "base/text.h"
#include "diagnose/frames.h"
#include "diagnose/narrate.h"
#include "diagnose/rerun.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

struct NullAccess {
  std::string base_register;  // empty when the operand names none or the instruction is unknown
  std::optional<std::uint64_t> base;
  std::optional<std::int64_t> index;  // of a null array, in elements
  bool far = false;                   // the index carries the access out of the null zone
};

// An absolute operand, or one whose every register is small, is as null as its address.
std::optional<NullAccess> null_access(const Fault& fault) {
  const bool near = fault.address && is_null_zone(*fault.address) && !fault.non_canonical;
  const Operand* operand = faulting_operand(fault);
  if (operand == nullptr) {
    // Without the instruction the address alone speaks, and only if the kernel gave it.
    if (!near || fault.address_source == "operand") return std::nullopt;
    return NullAccess{};
  }
  const auto base = register_value(*operand, operand->base);
  const auto index = register_value(*operand, operand->index);
  if (base && is_null_zone(*base)) {
    NullAccess access{operand->base, base, std::nullopt, !near};
    if (index && *index != 0) access.index = static_cast<std::int64_t>(*index);
    // A base that is small but not null, and an index that is an address: base and index have changed places.
    if (!near && *base != 0) return std::nullopt;
    if (!near && operand->scale <= 1) return std::nullopt;
    return access;
  }
  if (!near) return std::nullopt;
  if (!base && operand->base.empty() && (!index || is_null_zone(*index)))
    return NullAccess{operand->index, index, {}, false};
  return std::nullopt;
}

// A callback that was collected leaves C code with an address at which anything may be, nulls included.
bool may_be_a_dead_callback(const Facts& facts) {
  return facts.crashed != nullptr && in_foreign_callback(*facts.crashed);
}

void add_alternatives(const Facts& facts, const NullAccess& access, Candidate& candidate) {
  if (may_be_a_dead_callback(facts))
    candidate.alternatives.push_back(
        {"use-after-free", "C code called back into Python: the callback object may have been collected before."});
  if (access.far)
    candidate.alternatives.push_back(
        {"wild-pointer", "The index is as wrong as the base is null: which of the two came first is not known."});
  if (facts.soft_limit("as"))
    candidate.alternatives.push_back(
        {"allocation-failed",
         fmt::format("Address space is limited to {}: an allocation may have returned null unchecked.",
                     human_bytes(*facts.soft_limit("as")))});
  if (access.base && *access.base != 0)
    candidate.alternatives.push_back(
        {"wild-pointer",
         fmt::format("{} itself may have been used as a pointer, rather than a null one plus an offset.",
                     hex(*access.base))});
}

std::string advice_on_null(const Facts& facts) {
  if (may_be_a_dead_callback(facts))
    return "Keep a reference to the callback object (ctypes.CFUNCTYPE, cffi.callback) for as long as C code may call "
           "it: C code does not keep it alive.";
  if (std::string advice = argument_advice(facts); !advice.empty()) return advice;
  if (facts.where_is_native)
    return fmt::format("Test the pointer before {} uses it, or find out why it was never set{}{}", line_name(facts),
                       facts.where->source.empty() ? "." : ": ", trim(facts.where->source));
  if (facts.where)
    return fmt::format("Look at {} for an object that was never created or already released before it is passed on.",
                       line_name(facts));
  return {};
}

}  // namespace

std::optional<Candidate> null_pointer(const Facts& facts) {
  const Fault* fault = facts.fault();
  if (!facts.memory_fault() || fault == nullptr || is_jump_fault(facts)) return std::nullopt;
  const auto access = null_access(*fault);
  if (!access) return std::nullopt;
  // An allocator's own links are null only when something wrote zeros over them: see heap_corruption.cc.
  const bool in_allocator = facts.crashed != nullptr && !facts.crashed->native.empty() &&
                            is_allocator(facts.crashed->native.front()) && !is_bad_free_argument(facts);
  if (in_allocator) return std::nullopt;

  Candidate candidate{.slug = "null-pointer", .score = 80};
  const bool exact = access->base && *access->base == 0 && !access->far;
  // Without the GIL the null is the interpreter's own thread state: another cause is left.
  const bool alone = exact && !runs_python_without_gil(facts) && !may_be_a_dead_callback(facts);
  candidate.confidence = alone ? Confidence::kCertain : Confidence::kLikely;
  std::string through =
      access->base_register.empty() ? "a null pointer" : "the null pointer in " + access->base_register;
  if (access->base && *access->base != 0)
    through = fmt::format("{} = {}, a null pointer plus an offset or no pointer at all", access->base_register,
                          hex(*access->base));
  if (access->far)
    through = fmt::format("a null array (base {} = 0) at index {}", access->base_register, access->index.value_or(0));
  candidate.summary =
      fmt::format("{} {} through {}{}.", subject(facts), access_phrase(*fault), through, in_function(facts));
  if (exact)
    candidate.evidence.push_back(
        fmt::format("{} is 0, and the access went to it plus {}.", access->base_register, fault->address.value_or(0)));
  else if (fault->address && !access->far)
    candidate.evidence.push_back(
        fmt::format("The address {} lies in the first 64 KiB, which are never mapped.", hex(*fault->address)));
  add_common_evidence(facts, candidate);
  add(candidate.advice, advice_on_null(facts));
  add_alternatives(facts, *access, candidate);
  if (candidate.confidence != Confidence::kCertain) candidate.experiments = memory_experiments(facts);
  return candidate;
}

}  // namespace segwhy
