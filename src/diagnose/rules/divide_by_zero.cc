// divide-by-zero: an integer division by zero, or one whose quotient does not fit (the smallest number by -1).
//
// Near misses: SIGFPE for a floating-point trap that the program enabled (trap); SIGFPE sent by somebody.
#include <fmt/format.h>

#include <csignal>

#include "base/text.h"
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

std::string zero_input(const Facts& facts) {
  for (const std::string& odd : odd_inputs(facts))
    if (text::contains_any(odd, {" holds 0", " is empty"})) return odd;
  return {};
}

}  // namespace

std::optional<Candidate> divide_by_zero(const Facts& facts) {
  if (!facts.died_of(SIGFPE) || !facts.raised_by_kernel()) return std::nullopt;
  if (facts.evidence.death.code && *facts.evidence.death.code != kIntegerDivide) return std::nullopt;
  const Instruction* instruction = facts.instruction();
  const auto divisor = instruction == nullptr ? std::nullopt : divisor_of(*instruction);
  Candidate candidate{.slug = "divide-by-zero", .score = 80};
  candidate.confidence = divisor ? Confidence::kCertain : Confidence::kLikely;
  const bool overflow = divisor && *divisor != 0;
  candidate.summary = fmt::format(
      "{} {}{}.", subject(facts),
      overflow ? "divided the smallest integer by -1, or by too small a number" : "divided an integer by zero",
      in_function(facts));
  if (divisor)
    candidate.evidence.push_back(fmt::format("`{}` divides by {}, which is {}.", instruction->text,
                                             instruction->operands.front().text, hex(*divisor)));
  else
    candidate.evidence.push_back("The CPU raised its integer-division fault; the operands are not known.");
  add_common_evidence(facts, candidate);
  const std::string zero = zero_input(facts);
  const std::string op = facts.evidence.framework ? facts.evidence.framework->op : "";
  if (!zero.empty())
    candidate.advice.push_back(
        fmt::format("Refuse this before {}{}: {}.", op.empty() ? "the call" : op + " runs", at_line(facts), zero));
  else if (facts.where)
    candidate.advice.push_back(
        fmt::format("Give no zero size, stride, group or block count to {} at {}: it is used as a divisor unchecked.",
                    op.empty() ? "the call" : op, line_name(facts)));
  return candidate;
}

}  // namespace segwhy
