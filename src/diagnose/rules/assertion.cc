// assertion: assert() and its kin, _FORTIFY_SOURCE, the stack protector.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "diagnose/abort_origin.h"
#include "diagnose/messages/lines.h"
#include "diagnose/narrate.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

using Kind = text::AssertionFailure::Kind;

std::string place(const text::AssertionFailure& failure) {
  std::string text;
  if (!failure.file.empty()) text = fmt::format(" ({}:{})", failure.file, failure.line.value_or(0));
  if (!failure.function.empty()) text += " in " + text::shortened(failure.function, 100);
  return text;
}

// What a library's error abort hit, when it is a limit with a name.
std::string limit_advice(const Facts& facts, std::string_view error) {
  if (error.find("Too many open files") == std::string_view::npos) return {};
  const auto limit = facts.soft_limit("nofile");
  return fmt::format(
      "Raise the limit on open files{}: `ulimit -n 4096` before the start, or resource.setrlimit(RLIMIT_NOFILE) in the "
      "program.",
      limit ? fmt::format(", now {}", *limit) : "");
}

Candidate hardening(const Facts& facts, const text::AssertionFailure& failure) {
  Candidate candidate{.slug = "assertion", .confidence = Confidence::kCertain, .score = 90};
  const bool stack = failure.kind == Kind::kStackProtector;
  candidate.summary = fmt::format("{}{}: {}{}.",
                                  stack ? "The stack protector found a return address's guard overwritten"
                                        : "A fortified C library call refused to overflow its buffer",
                                  in_function(facts), failure.expression, at_line(facts));
  candidate.factors.push_back("out-of-bounds-write");
  if (facts.where)
    candidate.advice.push_back(fmt::format("Shorten {}: it is longer than the {} buffer that it is copied to.",
                                           input_of_line(facts), stack ? "local" : "fixed"));
  return candidate;
}

Candidate condition(const Facts& facts, const text::AssertionFailure& failure) {
  Candidate candidate{.slug = "assertion", .confidence = Confidence::kCertain, .score = 88};
  if (failure.kind == Kind::kErrno) {
    // strerror's words and a place in parentheses: libzmq's way, but other programs print such lines as well.
    candidate.confidence = Confidence::kLikely;
    candidate.score = 60;
    candidate.summary = fmt::format("{} aborted on an error it does not handle: {}{}.", subject(facts),
                                    failure.expression, place(failure));
    add(candidate.advice, limit_advice(facts, failure.expression));
    candidate.alternatives.push_back(
        {"abort", "The line may be an ordinary message that came before an unrelated abort."});
    return candidate;
  }
  candidate.summary =
      fmt::format("The assertion `{}` failed{}.", text::shortened(failure.expression, 160), place(failure));
  if (facts.where)
    candidate.advice.push_back(
        fmt::format("Make `{}` hold for {}.", text::shortened(failure.expression, 120), input_of_line(facts)));
  return candidate;
}

}  // namespace

std::optional<Candidate> assertion(const Facts& facts) {
  if (!facts.aborted() || !facts.text.assertion) return std::nullopt;
  const text::AssertionFailure& failure = *facts.text.assertion;
  const bool hardened = failure.kind == Kind::kFortify || failure.kind == Kind::kStackProtector;
  // Only a process's last words count: a line further up may be about something it survived.
  if (failure.kind == Kind::kErrno && failure.text != facts.text.last_line) return std::nullopt;
  Candidate candidate = hardened ? hardening(facts, failure) : condition(facts, failure);
  const bool last_word = facts.text.abort_text_known || failure.text == facts.text.last_line || hardened;
  if (!last_word && candidate.confidence == Confidence::kCertain) candidate.confidence = Confidence::kLikely;
  if (!facts.text.abort_text_known) candidate.confidence = unless_requested(facts, candidate.confidence);
  candidate.evidence.push_back("The program's last words: " + text::shortened(failure.text, 300));
  add_common_evidence(facts, candidate);
  return candidate;
}

}  // namespace segwhy
