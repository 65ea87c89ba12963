// check-failed: a framework's own CHECK, or its fatal log line, ended the process on purpose.
//
// The line alone makes it likely; certain needs the logging library's own frames on the stack of the abort.
//
// Near misses: an old "Check failed" in the log of a process that died of something else (no abort, one the program
// asked for itself, or glibc's own abort message is known and is another); a check about a thread that could not be
// made or a CPU feature, which those rules explain better.
#include <fmt/format.h>

#include <csignal>

#include "base/text.h"
#include "diagnose/abort_origin.h"
#include "diagnose/inputs.h"
#include "diagnose/messages/lines.h"
#include "diagnose/narrate.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

// LOG(FATAL) aborts; some libraries trap instead.
bool died_on_purpose(const Facts& facts) {
  return facts.aborted() || ((facts.died_of(SIGTRAP) || facts.died_of(SIGILL)) && facts.raised_by_kernel());
}

std::string values_phrase(const text::CheckFailure& check) {
  return check.left.empty() && check.right.empty() ? ""
                                                   : fmt::format(": left is {}, right is {}", check.left, check.right);
}

std::string place(const text::CheckFailure& check) {
  if (check.file.empty()) return {};
  return fmt::format(" ({}{})", check.file, check.line ? ":" + std::to_string(*check.line) : "");
}

// A check that names numbers is about the input they fit, and about no other that merely looks odd. A negative one is
// what an overflow or a bad size leaves.
std::vector<Oddity> suspects_of(const Facts& facts, const text::CheckFailure& check) {
  if (check.left.empty() && check.right.empty()) return odd_inputs(facts);
  std::vector<Oddity> named = inputs_of_check(facts, check);
  const bool negative = check.left.starts_with('-') || check.right.starts_with('-');
  return named.empty() && negative ? inputs_behind_negative(facts) : named;
}

void add_advice(const Facts& facts, const text::CheckFailure& check, const std::vector<Oddity>& suspects,
                Candidate& candidate) {
  const Framework* op = blamed_op(facts);
  // A fatal log line is no condition, only words about what must not be.
  std::string advice =
      check.expression.empty()
          ? fmt::format("Avoid what \"{}\" speaks of", text::shortened(check.detail, 120))
          : fmt::format("Make `{}` hold{}", text::shortened(check.expression, 120), values_phrase(check));
  if (op != nullptr)
    advice += fmt::format("; it depends on the arguments of {}{}", op->op, at_line(facts));
  else if (facts.where)
    advice += "; it depends on " + input_of_line(facts);
  candidate.advice.push_back(advice + ".");
  if (!suspects.empty()) candidate.advice.push_back(fmt::format("Look at the inputs first: {}.", describe(suspects)));
}

}  // namespace

std::optional<Candidate> check_failed(const Facts& facts) {
  if (!died_on_purpose(facts) || !facts.text.check) return std::nullopt;
  const text::CheckFailure& check = *facts.text.check;
  const bool another_last_word = facts.text.abort_text_known && (facts.text.heap || facts.text.assertion);
  Candidate candidate{.slug = "check-failed", .score = 90};
  candidate.confidence = another_last_word ? Confidence::kPossible
                         : facts.aborted() ? belief_in_words(facts, AbortOrigin::kFatalLog)
                                           : Confidence::kLikely;
  if (check.expression.empty()) {
    candidate.summary = fmt::format("{} logged a fatal error and aborted: {}{}.", subject(facts),
                                    text::shortened(check.detail, 200), place(check));
  } else {
    candidate.summary = fmt::format(
        "{} failed the check `{}`{}{}{}.", subject(facts), text::shortened(check.expression, 160), values_phrase(check),
        check.detail.empty() ? "" : ": " + text::shortened(check.detail, 120), place(check));
  }
  candidate.evidence.push_back("The program logged: " + text::shortened(check.text, 300));
  const std::vector<Oddity> suspects = suspects_of(facts, check);
  add_common_evidence(facts, suspects, candidate);
  add_advice(facts, check, suspects, candidate);
  return candidate;
}

}  // namespace segwhy
