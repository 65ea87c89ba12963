// trap: the code stopped itself: ud2, int3, a compiler's or library's built-in trap; or a floating-point trap the
// program switched on.
#include <fmt/format.h>

#include <csignal>

#include "base/text.h"
#include "diagnose/narrate.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

constexpr int kIntegerDivide = 1;

const char* floating_point_cause(int code) {
  switch (code) {
    case 3:
      return "a floating-point division by zero";
    case 4:
      return "a floating-point overflow";
    case 5:
      return "a floating-point underflow";
    case 6:
      return "an inexact floating-point result";
    default:
      return "an invalid floating-point operation";
  }
}

Candidate floating_point(const Facts& facts, int code) {
  Candidate candidate{.slug = "trap", .confidence = Confidence::kLikely, .score = 60};
  candidate.summary = fmt::format("{} hit {} while floating-point traps were enabled{}.", subject(facts),
                                  floating_point_cause(code), in_function(facts));
  candidate.evidence.push_back(
      fmt::format("SIGFPE with si_code {}: the CPU raises it only after feenableexcept() or the like.", code));
  add_common_evidence(facts, candidate);
  candidate.advice.push_back(
      "Find who calls feenableexcept() or unmasks exceptions in MXCSR: Python, NumPy and TensorFlow expect them "
      "masked.");
  return candidate;
}

}  // namespace

std::optional<Candidate> trap(const Facts& facts) {
  if (!facts.raised_by_kernel()) return std::nullopt;
  if (facts.died_of(SIGFPE) && facts.evidence.death.code && *facts.evidence.death.code != kIntegerDivide)
    return floating_point(facts, *facts.evidence.death.code);
  // `hlt` and `int` are refused to a program, which the kernel reports as SIGSEGV.
  const bool could_be = facts.died_of(SIGILL) || facts.died_of(SIGTRAP) || facts.died_of(SIGSEGV);
  if (!could_be) return std::nullopt;
  const Instruction* instruction = facts.instruction();
  const bool decoded = instruction != nullptr && instruction->category == "trap";
  if (!facts.died_of(SIGTRAP) && !decoded) return std::nullopt;

  Candidate candidate{.slug = "trap", .score = 80};
  candidate.confidence = decoded ? Confidence::kCertain : Confidence::kLikely;
  candidate.summary =
      fmt::format("{} stopped itself with {}{}{}.", subject(facts),
                  decoded ? "`" + instruction->text + "`" : "a breakpoint or trap", in_function(facts), at_line(facts));
  if (decoded)
    candidate.evidence.push_back(
        fmt::format("The instruction at the fault is `{}`, which does nothing but trap.", instruction->text));
  if (!facts.text.last_line.empty()) candidate.evidence.push_back("Last line on stderr: " + facts.text.last_line);
  add_common_evidence(facts, candidate);
  const bool outside =
      facts.crashed != nullptr && !facts.crashed->native.empty() && facts.crashed->native.front().module.empty();
  if (outside)
    candidate.advice.push_back(
        fmt::format("The trap is in code generated at run time: look at what wrote it{}.", at_line(facts)));
  else if (facts.where)
    candidate.advice.push_back(fmt::format(
        "A hardened check refused {}: compare the arguments with what the function allows.", input_of_line(facts)));
  return candidate;
}

}  // namespace segwhy
