#include "diagnose/rules/memory_fault.h"

#include <fmt/format.h>

#include <csignal>
#include <set>

#include "base/text.h"
#include "diagnose/frames.h"
#include "diagnose/inputs.h"
#include "diagnose/misfits.h"
#include "diagnose/narrate.h"

namespace segwhy {
namespace {

void add_evidence_with(const Facts& facts, const Suspects& suspects, Candidate& candidate) {
  if (facts.fault() != nullptr && !arrived_at_no_code(facts))
    add(candidate.evidence, instruction_sentence(*facts.fault()));
  add(candidate.evidence, framework_sentence(facts));
  for (const Oddity& odd : suspects.odd) add(candidate.evidence, "Of its inputs, " + describe(odd) + ".");
  for (const std::string& misfit : suspects.misfits) add(candidate.evidence, misfit);
  add(candidate.evidence, handler_sentence(facts));
  add(candidate.evidence, stack_sentence(facts));
}

}  // namespace

std::string instruction_sentence(const Fault& fault) {
  if (!fault.instruction || fault.instruction->text.empty()) return {};
  std::set<std::string> values;
  for (const Operand& operand : fault.instruction->operands)
    if (operand.kind == "memory")
      for (const auto& [name, value] : operand.registers) values.insert(name + " = " + hex(value));
  std::string text = "The faulting instruction is `" + fault.instruction->text + "`";
  if (!values.empty()) text += " with " + joined({values.begin(), values.end()}, ", ");
  return text + ".";
}

std::string stack_sentence(const Facts& facts) {
  if (facts.crashed == nullptr) return {};
  std::vector<std::string> names;
  for (const NativeFrame& frame : facts.crashed->native) {
    // What lies behind the interpreter called it, and not the frame shown before it.
    if (is_interpreter(frame) || is_start_up(frame) || (is_foreign_call(frame) && !names.empty())) break;
    if (is_abort_plumbing(frame)) continue;
    const std::string name = describe(frame);
    if (names.empty() || names.back() != name) names.push_back(name);
    if (names.size() == 4) break;
  }
  return names.empty() ? "" : "Native stack: " + joined(names, " < ") + ".";
}

bool is_bad_free_argument(const Facts& facts) {
  if (!facts.memory_fault() || facts.crashed == nullptr || facts.crashed->native.empty() || facts.fault() == nullptr)
    return false;
  const NativeFrame& innermost = facts.crashed->native.front();
  const std::string_view name = plain_name(innermost);
  if (!is_libc(innermost) || (name != "free" && name != "cfree" && name != "realloc")) return false;
  // The block's size stands 8 bytes before the address; the first argument is in rdi (System V ABI).
  const Operand* operand = faulting_operand(*facts.fault());
  return operand != nullptr && operand->base == "rdi" && operand->displacement == -8;
}

void add_common_evidence(const Facts& facts, Candidate& candidate) {
  add_evidence_with(facts, suspects_of(facts), candidate);
}

void add_common_evidence(const Facts& facts, const std::vector<Oddity>& suspects, Candidate& candidate) {
  add_evidence_with(facts, {.misfits = input_misfits(facts), .odd = suspects}, candidate);
}

void add(std::vector<std::string>& list, std::string sentence) {
  if (!sentence.empty()) list.push_back(std::move(sentence));
}

}  // namespace segwhy
