// abort: the process ended itself with SIGABRT and none of the more telling rules applies.
#include <fmt/format.h>

#include <csignal>

#include "base/text.h"
#include "diagnose/abort_origin.h"
#include "diagnose/frames.h"
#include "diagnose/inputs.h"
#include "diagnose/messages/lines.h"
#include "diagnose/narrate.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

Candidate panicked(const Facts& facts, const text::Panic& panic) {
  Candidate candidate{.slug = "abort", .confidence = Confidence::kLikely, .score = 90};
  const std::string place = panic.file.empty() ? "" : fmt::format(" ({}:{})", panic.file, panic.line.value_or(0));
  candidate.summary = fmt::format("{} code panicked and aborted{}: {}{}.", panic.language, at_line(facts),
                                  text::shortened(panic.message, 200), place);
  candidate.evidence.push_back("The program printed: " + text::shortened(panic.text, 300));
  if (facts.where)
    candidate.advice.push_back(fmt::format("Avoid the state that panics with \"{}\" at {}.",
                                           text::shortened(panic.message, 100), line_name(facts)));
  return candidate;
}

// The last exception, when what it says is what the program said last: it was caught, printed, and then came abort().
const CxxException* printed_exception(const Facts& facts) {
  const auto& exception = facts.evidence.messages.exception;
  const bool printed = exception && !exception->type.empty() && !facts.text.last_line.empty() &&
                       text::contains(exception->what, facts.text.last_line);
  return printed ? &*exception : nullptr;
}

std::string what_was_said(const Facts& facts) {
  if (facts.text.last_line.empty()) return ".";
  if (const CxxException* exception = printed_exception(facts))
    return fmt::format("; a C++ exception was caught and printed first: {}, \"{}\".", exception->type,
                       facts.text.last_line);
  return "; the last thing said was: " + facts.text.last_line;
}

// "2026-01-01 00:00:00.1: I path/file.cc:12] ..." (TensorFlow), "I0000 ...", "W1231 ...": nothing that ends a process.
bool is_routine_log(std::string_view line) {
  if (!text::contains(line, "] ")) return false;
  const bool glog = line.size() > 1 && (line[0] == 'I' || line[0] == 'W') && line[1] >= '0' && line[1] <= '9';
  return glog || text::contains_any(line, {": I ", ": W "});
}

// What was said last is a log line, or the second line of one: no words about the end.
bool said_nothing_of_its_end(const Facts& facts) {
  text::Lines lines = text::lines_of(facts.evidence.messages.stderr_tail);
  while (!lines.empty() && trim(lines.back()).empty()) lines.pop_back();
  if (lines.empty() || is_routine_log(lines.back())) return true;
  return lines.size() > 1 && is_routine_log(lines[lines.size() - 2]);
}

// The inputs that the last words speak of, before any that merely look odd.
std::string advice_on_words(const Facts& facts) {
  const Framework* op = blamed_op(facts);
  const std::vector<Oddity> named = inputs_of_words(facts, facts.text.last_line);
  const bool nothing_else = named.empty() && odd_inputs(facts).empty() && said_nothing_of_its_end(facts);
  if (op != nullptr && facts.where && nothing_else) {
    const std::vector<Oddity> zeros = inputs_with_zero(facts);
    if (!zeros.empty())
      return fmt::format("Check the arguments that {} gives to {}, first of all: {}.", line_name(facts), op->op,
                         describe(zeros));
  }
  if (op == nullptr && facts.where && !said_nothing_of_its_end(facts) && !facts.text.abort_text_known)
    return fmt::format("Avoid what \"{}\" says, if that is why it gave up: {} led there.",
                       text::shortened(facts.text.last_line, 120), line_name(facts));
  if (op == nullptr || named.empty()) return argument_advice(facts);
  return fmt::format("Check this before {} runs{}: {}.", op->op, at_line(facts), describe(named));
}

// How the program asked for its own end.
std::string request(const Facts& facts, const NativeFrame* caller) {
  if (facts.evidence.death.code == SI_USER) return "The program sent SIGABRT to itself with kill()";
  if (caller != nullptr && plain_name(*caller).starts_with("os_abort")) return "os.abort() was called";
  const std::string_view through = facts.crashed == nullptr ? "" : culprit_of(*facts.crashed).called_through;
  if (!through.empty()) return fmt::format("abort() was called through {}", through);
  return "The program sent SIGABRT to itself";
}

// raise(SIGABRT) without abort(), which the C library has a name for.
bool only_raised(const Facts& facts) {
  const Thread* const thread = facts.crashed;
  return thread != nullptr && is_calling(*thread, "raise") && !is_calling(*thread, "abort");
}

}  // namespace

std::optional<Candidate> abort_called(const Facts& facts) {
  if (!facts.aborted()) return std::nullopt;
  const bool asked_for = abort_origin(facts) == AbortOrigin::kRequested;
  if (facts.text.panic && !facts.text.abort_text_known && !asked_for) {
    Candidate candidate = panicked(facts, *facts.text.panic);
    add_common_evidence(facts, candidate);
    return candidate;
  }
  Candidate candidate{.slug = "abort", .confidence = Confidence::kLikely, .score = 10};
  const NativeFrame* caller = facts.crashed == nullptr ? nullptr : culprit_frame(*facts.crashed);
  const std::string who = caller == nullptr ? "The program" : describe(*caller);
  if (asked_for) {
    candidate.confidence = Confidence::kCertain;
    candidate.summary = fmt::format("{}{}.", request(facts, caller), at_line(facts));
  } else {
    candidate.summary = fmt::format("{} {}{}{}", who, only_raised(facts) ? "raised SIGABRT" : "called abort()",
                                    at_line(facts), what_was_said(facts));
  }
  if (!facts.text.last_line.empty()) candidate.evidence.push_back("Last line on stderr: " + facts.text.last_line);
  if (facts.text.abort_text_known)
    candidate.evidence.push_back("glibc's abort message: " +
                                 text::shortened(trim(facts.evidence.messages.abort_text), 300));
  if (caller == nullptr && facts.crashed == nullptr) candidate.confidence = Confidence::kPossible;
  for (const std::string& sentence : concurrent_activity(facts)) {
    candidate.evidence.push_back(sentence);
    candidate.alternatives.push_back({"data-race", sentence});
  }
  add_common_evidence(facts, candidate);
  if (!asked_for) add(candidate.advice, advice_on_words(facts));
  return candidate;
}

}  // namespace segwhy
