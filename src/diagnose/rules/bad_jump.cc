// bad-jump: execution went where no code is. The pc equals the fault address, or a call, jump or return was about to
// load a target the CPU refuses. What the pc points to then was never executed.
//
// A return to nowhere means that the return address was overwritten, and is told as such: nothing was called.
//
// Near miss: a call through a bad table (`call [rax+8]` with a bad rax) is a read: null-pointer or wild-pointer.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "base/text.h"
#include "diagnose/frames.h"
#include "diagnose/narrate.h"
#include "diagnose/pointer_reading.h"
#include "diagnose/rerun.h"
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

enum class Transfer { kCall, kJump, kReturn, kUnknown };

const NativeFrame* caller_of(const Facts& facts) {
  if (facts.crashed == nullptr) return nullptr;
  const auto& native = facts.crashed->native;
  const auto found = std::find_if(native.begin(), native.end(), [](const NativeFrame& f) { return !f.module.empty(); });
  return found == native.end() ? nullptr : &*found;
}

// A fault on arrival leaves the transfer behind. A call left its return address on top of the stack, behind which the
// unwinder found the caller; without that nothing says how the pc came there. (A frame found by the frame pointer is
// there after a return as well.)
Transfer transfer_of(const Facts& facts, bool arrived) {
  if (arrived) {
    const NativeFrame* caller = caller_of(facts);
    const bool called = caller != nullptr && (caller->trust == kTrustReturnAddress || caller->trust.empty());
    return called ? Transfer::kCall : Transfer::kUnknown;
  }
  const Instruction* instruction = facts.instruction();
  if (instruction == nullptr) return Transfer::kUnknown;
  if (instruction->category == "ret") return Transfer::kReturn;
  if (instruction->category == "call") return Transfer::kCall;
  return instruction->category == "jump" ? Transfer::kJump : Transfer::kUnknown;
}

struct Jump {
  Address target = 0;
  bool arrived = false;  // the pc is the target: what stands there was not executed, and is no instruction of anyone
  Transfer transfer = Transfer::kUnknown;
  std::string from{};
};

std::string what_happened(const Facts& facts, const Jump& jump) {
  const char* where = is_null_zone(jump.target) ? "a null function pointer" : "an address that holds no code";
  switch (jump.transfer) {
    case Transfer::kCall:
      return fmt::format("{} called {} ({}){}", jump.from, where, hex(jump.target), at_line(facts));
    case Transfer::kReturn:
      return fmt::format("{} returned to {}{}: its return address was overwritten", jump.from, hex(jump.target),
                         at_line(facts));
    case Transfer::kJump:
      return fmt::format("{} jumped to {} ({}){}", jump.from, where, hex(jump.target), at_line(facts));
    case Transfer::kUnknown:
      break;
  }
  return fmt::format("Execution went to {}, where no code is, from {} or something it called{}", hex(jump.target),
                     jump.from, at_line(facts));
}

void add_evidence(const Facts& facts, const Jump& jump, Candidate& candidate) {
  const Fault& fault = *facts.fault();
  candidate.evidence.push_back(
      jump.arrived ? fmt::format("The program counter itself is {}, {}.", hex(jump.target), describe_place(fault))
                   : fmt::format("`{}` transfers control to {}, which is not an address.", facts.instruction()->text,
                                 hex(jump.target)));
  if (fault.inside) candidate.evidence.push_back(fmt::format("{} is not executable.", describe(*fault.inside)));
  const NativeFrame* caller = caller_of(facts);
  if (jump.transfer == Transfer::kCall && caller != nullptr)
    candidate.evidence.push_back("Called from " + describe(*caller) + " (" + caller->module + ").");
  if (jump.transfer == Transfer::kReturn)
    candidate.evidence.push_back("Nobody writes return addresses but the CPU: an overrun of a local buffer did.");
  if (const auto reading = read_pointer_value(jump.target, facts.evidence))
    candidate.evidence.push_back("The target is " + reading->sentence + ".");
  add_common_evidence(facts, candidate);
}

// That it went astray is certain; what led there is not, and is no other name for it.
void add_origins(const Facts& facts, const Jump& jump, Candidate& candidate) {
  if (jump.transfer == Transfer::kReturn) {
    candidate.alternatives.push_back(
        {"out-of-bounds-write", "A write past the end of a buffer on the stack replaced the return address."});
    return;
  }
  if (is_null_zone(jump.target)) return;
  const auto reading = read_pointer_value(jump.target, facts.evidence);
  const bool overrun = jump.transfer == Transfer::kUnknown || (reading && reading->kind == Reading::Kind::kText);
  candidate.evidence.emplace_back(
      overrun ? "What led there may be an overrun buffer that replaced the pointer or the return address, or a freed "
                "object whose memory is used again."
              : "What led there may be a freed object that held the function pointer and whose memory is used again.");
}

void add_advice(const Facts& facts, const Jump& jump, Candidate& candidate) {
  if (jump.transfer == Transfer::kReturn)
    candidate.advice.push_back(fmt::format(
        "Look for the local array that {} overruns{}; -fstack-protector-strong or -fsanitize=address stops at it.",
        jump.from, at_line(facts)));
  else if (facts.where_is_native && is_null_zone(jump.target) && jump.transfer == Transfer::kCall)
    candidate.advice.push_back(
        fmt::format("Set the function pointer before {} calls through it, or test it there.", line_name(facts)));
  else if (facts.where && is_null_zone(jump.target) && jump.transfer == Transfer::kCall)
    candidate.advice.push_back(
        fmt::format("Set the callback that {} hands over before {} calls it.", line_name(facts), jump.from));
  else
    add(candidate.advice, argument_advice(facts));
}

}  // namespace

bool is_jump_fault(const Facts& facts) {
  return target_of(facts).has_value();
}

bool arrived_at_no_code(const Facts& facts) {
  const auto target = target_of(facts);
  return target && pc_of(facts) == *target;
}

std::optional<Candidate> bad_jump(const Facts& facts) {
  const auto target = target_of(facts);
  if (!target) return std::nullopt;
  Jump jump{.target = *target, .arrived = arrived_at_no_code(facts)};
  jump.transfer = transfer_of(facts, jump.arrived);
  const NativeFrame* caller = caller_of(facts);
  jump.from = caller == nullptr ? "some code" : describe(*caller);
  Candidate candidate{.slug = "bad-jump", .score = 80};
  // That it went astray is a fact; when a return did, the cause is the write that came before.
  candidate.confidence = jump.transfer == Transfer::kReturn ? Confidence::kLikely : Confidence::kCertain;
  candidate.summary = what_happened(facts, jump) + ".";
  add_evidence(facts, jump, candidate);
  add_origins(facts, jump, candidate);
  add_advice(facts, jump, candidate);
  if (!is_null_zone(*target) && jump.transfer != Transfer::kReturn) candidate.experiments = memory_experiments(facts);
  return candidate;
}

}  // namespace segwhy
