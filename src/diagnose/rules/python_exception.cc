// python-exception: the program ended by an uncaught Python exception, no native fault.
//
// Near misses: a traceback that was logged and survived; one of a thread, which ends nothing; exit statuses the program
// chose.
#include <fmt/format.h>

#include "base/text.h"
#include "diagnose/exit_words.h"
#include "diagnose/messages/lines.h"
#include "diagnose/narrate.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

std::string first_line(std::string_view text) {
  return text::shortened(text.substr(0, text.find('\n')), 240);
}

// TensorFlow names the op, or the node of a graph, at the end of its messages: "[Op:Fill]", "{{node add}}".
std::string op_in(std::string_view message) {
  if (const auto op = text::between(message, "[Op:", "]")) return "op " + std::string(*op);
  if (const auto node = text::between(message, "{{node ", "}}")) return "node " + std::string(*node);
  if (const auto node = text::between(message, "Node: '", "'")) return "node " + std::string(*node);
  return {};
}

}  // namespace

std::optional<Candidate> python_exception(const Facts& facts) {
  if (!facts.failed_exit()) return std::nullopt;
  const text::Traceback* traceback = facts.text.final_traceback();
  if (traceback == nullptr) return std::nullopt;
  Candidate candidate{.slug = "python-exception", .score = 80};
  // An uncaught exception makes the status 1; another one the program chose itself.
  candidate.confidence = ended_by_traceback(facts)             ? Confidence::kCertain
                         : facts.evidence.death.exit_code == 1 ? Confidence::kLikely
                                                               : Confidence::kPossible;
  const std::string op = op_in(traceback->message);
  candidate.summary =
      fmt::format("{}{}{}{}", text::exception_name(*traceback), op.empty() ? "" : " in " + op, at_line(facts),
                  traceback->message.empty() ? "." : ": " + first_line(traceback->message));
  candidate.evidence.push_back(fmt::format("The program printed a traceback and exited with status {}.",
                                           facts.evidence.death.exit_code.value_or(1)));
  if (traceback->chained) {
    const text::Traceback* cause = traceback - 1;
    candidate.evidence.push_back(
        fmt::format("It follows from {}: {}", text::exception_name(*cause), first_line(cause->message)));
  }
  if (!traceback->frames.empty()) {
    const text::TracebackFrame& innermost = traceback->frames.back();
    candidate.evidence.push_back(
        fmt::format("Raised in {} ({}:{}).", innermost.function, base_name(innermost.file), innermost.line));
  }
  add_common_evidence(facts, candidate);
  return candidate;
}

}  // namespace segwhy
