// python-exception: the program ended by an uncaught Python exception, no native fault.
//
// Near misses: a traceback that was logged and survived; one of a thread, which ends nothing; exit statuses the program
// chose.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "diagnose/exit_words.h"
#include "diagnose/inputs.h"
#include "diagnose/messages/lines.h"
#include "diagnose/messages/tensorflow_error.h"
#include "diagnose/narrate.h"
#include "diagnose/rerun.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"
#include "diagnose/where.h"

namespace segwhy {
namespace {

std::string first_line(std::string_view text) {
  return text::shortened(text.substr(0, text.find('\n')), 240);
}

// The innermost line of the program's own in the stack that the message holds.
std::optional<SourceLine> line_in_message(const text::TensorFlowError& error) {
  const auto frame = std::find_if(error.frames.rbegin(), error.frames.rend(),
                                  [](const text::TracebackFrame& f) { return is_user_file(f.file); });
  if (frame == error.frames.rend()) return std::nullopt;
  return SourceLine{frame->file, frame->line, frame->function, frame->source};
}

Framework framework_of(const text::TensorFlowError& error) {
  Framework framework;
  framework.name = "tensorflow";
  framework.op = error.op;
  framework.node = error.node;
  framework.phase = error.in_graph ? "graph" : !error.node.empty() ? "shape-inference" : "";
  framework.inputs = error.inputs;
  framework.found_by = "error-text";
  framework.confidence = "certain";
  framework.created_at = line_in_message(error);
  return framework;
}

std::string place(const SourceLine& line) {
  return fmt::format("{}:{}", base_name(line.file), line.line.value_or(0));
}

// "op Mul (node scope/Mul)", "node scope/Mul"; empty when the message names neither.
std::string op_phrase(const text::TensorFlowError& error) {
  if (error.op.empty()) return error.node.empty() ? std::string() : "node " + error.node;
  const bool named = !error.node.empty() && error.node != error.op;
  return "op " + error.op + (named ? " (node " + error.node + ")" : "");
}

std::string describe_input(const TensorInfo& input) {
  const std::string type = input.dtype.empty() ? "" : "is " + input.dtype;
  const std::string shape = input.shape ? "has shape " + shape_text(*input.shape) : "";
  return input.name + " " + type + (type.empty() || shape.empty() ? "" : " and ") + shape;
}

std::string inputs_sentence(const text::TensorFlowError& error) {
  std::vector<std::string> parts;
  for (const TensorInfo& input : error.inputs) parts.push_back(describe_input(input));
  return parts.empty() ? std::string() : fmt::format("Of the op's inputs, {}.", joined(parts, "; "));
}

// Where the cause is to be mended: known when the message says which line made the op and what does not fit.
std::string input_advice(const text::TensorFlowError& error, const SourceLine& line) {
  const auto with_shape =
      std::count_if(error.inputs.begin(), error.inputs.end(), [](const TensorInfo& i) { return i.shape.has_value(); });
  const bool types =
      std::any_of(error.inputs.begin(), error.inputs.end(), [](const TensorInfo& i) { return !i.dtype.empty(); });
  const std::string op = error.op.empty() ? "the op" : error.op;
  if (types) return fmt::format("Make the types equal that {} gives to {} (tf.cast).", place(line), op);
  if (with_shape < 2) return {};
  return fmt::format("Make the shapes fit that {} gives to {}.", place(line), op);
}

// What TensorFlow's own words add to a traceback.
void add_tensorflow(const Facts& facts, const text::TensorFlowError& error, Candidate& candidate) {
  const std::optional<SourceLine> created = line_in_message(error);
  // AutoGraph puts its words around any exception, the program's own too: then there is a line, and no op.
  if (!error.op.empty() || !error.node.empty()) candidate.framework = framework_of(error);
  // While a graph is built, the stack in the message is the inner part of the traceback's own.
  if (created && !error.in_graph) candidate.where = created;
  const std::string op = op_phrase(error);
  const std::string at = candidate.where ? " at " + place(*candidate.where) : at_line(facts);
  candidate.summary = fmt::format("{}{}{}: {}", text::exception_name(*facts.text.final_traceback()),
                                  op.empty() ? "" : " in " + op, at, error.reason);
  if (created && error.in_graph)
    add(candidate.evidence,
        fmt::format("{} was created at {}.", op.empty() ? "The node" : "The " + op, place(*created)));
  add(candidate.evidence, inputs_sentence(error));
  const std::optional<SourceLine>& line = created ? created : facts.where;
  if (line) add(candidate.advice, input_advice(error, *line));
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
  candidate.summary = fmt::format("{}{}{}", text::exception_name(*traceback), at_line(facts),
                                  traceback->message.empty() ? "." : ": " + first_line(traceback->message));
  if (const auto error = text::read_tensorflow_error(*traceback)) add_tensorflow(facts, *error, candidate);
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
  if (!facts.environment(kEagerVariable).empty())
    candidate.evidence.push_back(
        "TensorFlow's functions ran eagerly (--eager): a program that dies natively without has moved its death to "
        "this "
        "exception.");
  add_common_evidence(facts, candidate);
  return candidate;
}

}  // namespace segwhy
