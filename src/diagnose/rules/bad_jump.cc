// bad-jump: execution went where no code is. The pc equals the fault address, or a call, jump or return was about to
// load a target the CPU refuses.
//
// Near miss: a call through a bad table (`call [rax+8]` with a bad rax) is a read: null-pointer or wild-pointer.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "base/text.h"
#include "diagnose/frames.h"
#include "diagnose/narrate.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

std::optional<Address> pc_of(const Facts& facts) {
  if (facts.crashed == nullptr || facts.crashed->native.empty()) return std::nullopt;
  return facts.crashed->native.front().pc;
}

// The target that a faulting transfer was about to load, when it is not an address at all: the CPU faults on the
// transfer itself then, and the pc stays at it.
std::optional<Address> refused_target(const Instruction& instruction) {
  if (instruction.category != "call" && instruction.category != "jump" && instruction.category != "ret")
    return std::nullopt;
  for (const Operand& operand : instruction.operands) {
    const bool target = operand.kind == "register" || (operand.kind == "memory" && operand.read);
    if (target && operand.value && !is_user_address(*operand.value)) return operand.value;
  }
  return std::nullopt;
}

std::optional<Address> target_of(const Facts& facts) {
  const Fault* fault = facts.fault();
  if (fault == nullptr || !facts.memory_fault()) return std::nullopt;
  const auto pc = pc_of(facts);
  if (fault->access == "execute") return fault->address ? fault->address : pc;
  if (fault->address && pc && *fault->address == *pc && fault->access.empty()) return pc;
  if (fault->instruction) return refused_target(*fault->instruction);
  return std::nullopt;
}

const NativeFrame* caller_of(const Facts& facts) {
  if (facts.crashed == nullptr) return nullptr;
  const auto& native = facts.crashed->native;
  const auto found = std::find_if(native.begin(), native.end(), [](const NativeFrame& f) { return !f.module.empty(); });
  return found == native.end() ? nullptr : &*found;
}

void add_alternatives(const Facts& facts, Address target, Candidate& candidate) {
  if (is_null_zone(target)) {
    candidate.alternatives.push_back(
        {"null-pointer", "A function pointer or callback that was never set is a null pointer, too."});
    return;
  }
  const auto reading = read_pointer_value(target, facts.evidence);
  if (reading) candidate.evidence.push_back("The target is " + reading->sentence + ".");
  const bool returned = facts.instruction() != nullptr && facts.instruction()->category == "ret";
  if (returned || (reading && reading->kind == Reading::Kind::kText))
    candidate.alternatives.push_back(
        {"out-of-bounds-write", "An overrun buffer on the stack has replaced the return address or the pointer."});
  candidate.alternatives.push_back(
      {"use-after-free", "The object that held the function pointer may have been freed and its memory used again."});
}

}  // namespace

bool is_jump_fault(const Facts& facts) {
  return target_of(facts).has_value();
}

std::optional<Candidate> bad_jump(const Facts& facts) {
  const auto target = target_of(facts);
  if (!target) return std::nullopt;
  const Fault& fault = *facts.fault();
  const bool arrived = pc_of(facts) == *target;
  Candidate candidate{.slug = "bad-jump", .score = 80};
  // A target that is no address at all faults on the transfer itself; one that is, on arrival.
  candidate.confidence = Confidence::kCertain;
  const NativeFrame* caller = caller_of(facts);
  const std::string from = caller == nullptr ? "Some code" : describe(*caller);
  const char* kind = is_null_zone(*target) ? "a null function pointer" : "an address that holds no code";
  candidate.summary = fmt::format("{} called {} ({}){}.", from, kind, hex(*target), at_line(facts));
  candidate.evidence.push_back(
      arrived ? fmt::format("The program counter itself is {}, {}.", hex(*target), describe_place(fault))
              : fmt::format("The instruction transfers control to {}, which is not an address.", hex(*target)));
  if (fault.inside) candidate.evidence.push_back(fmt::format("{} is not executable.", describe(*fault.inside)));
  if (caller != nullptr)
    candidate.evidence.push_back("Called from " + describe(*caller) + " (" + caller->module + ").");
  add_alternatives(facts, *target, candidate);
  add_common_evidence(facts, candidate);
  if (facts.where && is_null_zone(*target))
    candidate.advice.push_back(
        fmt::format("Set the callback that {} hands over before {} calls it.", line_name(facts), from));
  else
    add(candidate.advice, argument_advice(facts));
  if (!is_null_zone(*target)) candidate.experiments = memory_experiments(facts);
  return candidate;
}

}  // namespace segwhy
