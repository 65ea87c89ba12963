// divide-by-zero: an integer division by zero, or one whose quotient does not fit (the smallest number by -1).
//
// Near misses: SIGFPE for a floating-point trap that the program enabled (trap); SIGFPE sent by somebody.
#include <fmt/format.h>

#include <csignal>

#include "base/text.h"
#include "diagnose/inputs.h"
#include "diagnose/narrate.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

constexpr int kIntegerDivide = 1;  // FPE_INTDIV, which x86 also reports for a quotient that does not fit

// The divisor is the first explicit operand of div and idiv.
std::optional<std::uint64_t> divisor_of(const Instruction& instruction) {
  if (instruction.category != "div" || instruction.operands.empty()) return std::nullopt;
  const Operand& operand = instruction.operands.front();
  if (!operand.value) return std::nullopt;
  const std::uint64_t mask =
      operand.width >= 8 || operand.width == 0 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * operand.width)) - 1;
  return *operand.value & mask;
}

std::int64_t sign_extended(std::uint64_t value, std::uint32_t width) {
  if (width == 0 || width >= 8) return static_cast<std::int64_t>(value);
  const unsigned unused = 64 - 8 * width;
  return static_cast<std::int64_t>(value << unused) >> unused;
}

// The divisor of a quotient that does not fit, as the program meant it.
bool divides_by_minus_one(const Instruction& instruction) {
  const Operand& divisor = instruction.operands.front();
  return instruction.mnemonic != "div" && sign_extended(divisor.value.value_or(0), divisor.width) == -1;
}

// The low half of the dividend, the implicit accumulator; the high one only holds its sign where this matters.
std::string dividend_phrase(const Instruction& instruction) {
  const std::uint32_t width = instruction.operands.front().width;
  for (std::size_t i = 1; i < instruction.operands.size(); ++i) {
    const Operand& operand = instruction.operands[i];
    const bool accumulator = operand.text == "rax" || operand.text == "eax" || operand.text == "ax";
    if (accumulator && operand.value && operand.width == width)
      return fmt::format(" the dividend in {} is {}", operand.text, sign_extended(*operand.value, width));
  }
  return {};
}

std::string callee(const Facts& facts) {
  const Framework* op = blamed_op(facts);
  return op == nullptr ? "the call" : op->op;
}

// `instruction`: null unless its divisor is known.
Candidate by_zero(const Facts& facts, const Instruction* instruction) {
  Candidate candidate{.slug = "divide-by-zero", .score = 80};
  candidate.confidence = instruction != nullptr ? Confidence::kCertain : Confidence::kLikely;
  candidate.summary = fmt::format("{} divided an integer by zero{}.", subject(facts), in_function(facts));
  if (instruction != nullptr)
    candidate.evidence.push_back(
        fmt::format("`{}` divides by {}, which is 0.", instruction->text, instruction->operands.front().text));
  else
    candidate.evidence.push_back("The CPU raised its integer-division fault; the operands are not known.");
  add_common_evidence(facts, candidate);
  const std::vector<Oddity> inputs = zero_inputs(facts);
  std::vector<std::string> zero = zero_attributes(facts, inputs.empty());
  if (!inputs.empty()) zero.insert(zero.begin(), describe(inputs));
  if (!zero.empty())
    candidate.advice.push_back(fmt::format("Refuse this before {}{}{}: {}.", callee(facts),
                                           blamed_op(facts) == nullptr ? "" : " runs", at_line(facts),
                                           joined(zero, "; ")));
  else if (facts.where_is_native)
    candidate.advice.push_back(fmt::format("Test the divisor before {} divides by it.", line_name(facts)));
  else if (facts.where)
    candidate.advice.push_back(
        fmt::format("Give no zero size, stride, group or block count to {} at {}: it is used as a divisor unchecked.",
                    callee(facts), line_name(facts)));
  return candidate;
}

// x86 raises the same fault for a quotient that does not fit its register.
Candidate overflow(const Facts& facts, const Instruction& instruction) {
  const bool minus_one = divides_by_minus_one(instruction);
  const std::string& divisor = instruction.operands.front().text;
  Candidate candidate{.slug = "divide-by-zero", .confidence = Confidence::kCertain, .score = 80};
  candidate.summary =
      fmt::format("{} divided {}{}: the quotient does not fit.", subject(facts),
                  minus_one ? "the smallest integer by -1" : "a number that is too large", in_function(facts));
  const std::string dividend = dividend_phrase(instruction);
  candidate.evidence.push_back(fmt::format(
      "`{}` divides by {}, which is {}{}{}. The divisor is not zero: the CPU raises the same fault when a quotient has "
      "no room in its register.",
      instruction.text, divisor, minus_one ? "-1" : hex(divisor_of(instruction).value_or(0)),
      dividend.empty() ? "" : ";", dividend));
  add_common_evidence(facts, candidate);
  const std::vector<Oddity> suspects = overflow_inputs(facts);
  if (minus_one && !suspects.empty())
    candidate.advice.push_back(
        fmt::format("Divide the smallest integer of a type by -1 nowhere{}: {}. Negate instead, "
                    "or use a wider type.",
                    at_line(facts), describe(suspects)));
  else if (minus_one && facts.where)
    candidate.advice.push_back(
        fmt::format("Keep the pair of the smallest integer and -1 away from {} at {}: its "
                    "quotient is one more than the type can hold. Use a wider type.",
                    callee(facts), line_name(facts)));
  return candidate;
}

}  // namespace

std::optional<Candidate> divide_by_zero(const Facts& facts) {
  if (!facts.died_of(SIGFPE) || !facts.raised_by_kernel()) return std::nullopt;
  if (facts.evidence.death.code && *facts.evidence.death.code != kIntegerDivide) return std::nullopt;
  const Instruction* instruction = facts.instruction();
  const auto divisor = instruction == nullptr ? std::nullopt : divisor_of(*instruction);
  if (!divisor) return by_zero(facts, nullptr);
  return *divisor != 0 ? overflow(facts, *instruction) : by_zero(facts, instruction);
}

}  // namespace segwhy
