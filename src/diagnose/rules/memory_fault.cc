#include "diagnose/rules/memory_fault.h"

#include <fmt/format.h>

#include <csignal>
#include <set>

#include "base/text.h"
#include "diagnose/frames.h"
#include "diagnose/inputs.h"
#include "diagnose/narrate.h"

namespace segwhy {
std::optional<std::uint64_t> bytes_left(const Fault& fault) {
  if (!fault.instruction || fault.instruction->category != "string" || !fault.instruction->text.starts_with("rep"))
    return std::nullopt;
  for (const Operand& operand : fault.instruction->operands) {
    std::uint64_t bytes = 0;
    if (operand.kind == "register" && operand.text == "rcx" && operand.value &&
        !__builtin_mul_overflow(*operand.value, std::uint64_t{std::max(fault.width, 1U)}, &bytes))
      return bytes;
  }
  return std::nullopt;
}

bool ran_into_next_mapping(const Fault& fault) {
  constexpr std::uint64_t kPage = 4096;
  const auto left = bytes_left(fault);
  return left && fault.inside && fault.address &&
         *fault.address - fault.inside->start<kPage&& * left> fault.inside->end - *fault.address;
}

std::string access_phrase(const Fault& fault) {
  const auto left = bytes_left(fault);
  std::string where = fault.address ? " at " + hex(*fault.address) : "";
  if (left) where += fmt::format(" with {} still to go", human_bytes(*left));
  const std::string width =
      fault.width == 0 || left ? "" : fmt::format(" {} byte{}", fault.width, fault.width == 1 ? "" : "s");
  if (fault.access == "write") return "wrote" + width + where;
  if (fault.access == "execute") return "jumped" + (fault.address ? " to " + hex(*fault.address) : std::string());
  if (fault.access == "read") return "read" + width + where;
  return "accessed memory" + where;
}

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
    if (is_interpreter(frame) || is_start_up(frame)) break;
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

std::string out_of_bounds_slug(const Fault& fault) {
  return fault.access == "write" ? "out-of-bounds-write" : "out-of-bounds-read";
}

void add_common_evidence(const Facts& facts, Candidate& candidate) {
  if (facts.fault() != nullptr && !arrived_at_no_code(facts))
    add(candidate.evidence, instruction_sentence(*facts.fault()));
  add(candidate.evidence, framework_sentence(facts));
  for (const Oddity& odd : odd_inputs(facts)) add(candidate.evidence, "Of its inputs, " + describe(odd) + ".");
  add(candidate.evidence, stack_sentence(facts));
}

void add(std::vector<std::string>& list, std::string sentence) {
  if (!sentence.empty()) list.push_back(std::move(sentence));
}

}  // namespace segwhy
