#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "diagnose/inputs.h"
#include "report/describe.h"
#include "report/printable.h"
#include "report/sections.h"

namespace segwhy::report {
namespace {

constexpr std::size_t kMessageLines = 4;
constexpr std::size_t kInputsListed = 6;

// The captured frame that the verdict points at, for its column marks.
const PythonFrame* frame_at(const Case& c, const SourceLine& where) {
  for (const Thread& t : c.threads) {
    const auto frame = std::find_if(t.python.begin(), t.python.end(), [&](const PythonFrame& f) {
      return f.file == where.file && f.line == where.line && (where.function.empty() || f.function == where.function);
    });
    if (frame != t.python.end()) return &*frame;
  }
  return nullptr;
}

// A source line cut into what stands before, in and behind the marked columns, made printable.
struct MarkedSource {
  std::string before, marked, after;
};

MarkedSource mark(const std::string& source, const PythonFrame* frame) {
  const std::string_view text = trim(source);
  if (text.empty()) return {};
  const auto indent = static_cast<std::size_t>(text.data() - source.data());
  MarkedSource out{.before = printable(text), .marked = {}, .after = {}};
  if (!frame || !frame->column || *frame->column < 0) return out;
  const auto column = static_cast<std::size_t>(*frame->column);
  if (column < indent || column - indent >= text.size()) return out;
  const std::size_t first = column - indent;
  const bool one_line = !frame->end_line || frame->end_line == frame->line;
  std::size_t last = text.size();
  if (one_line && frame->end_column && *frame->end_column > *frame->column) {
    last = std::min(last, static_cast<std::size_t>(*frame->end_column) - indent);
  }
  out.before = printable(text.substr(0, first));
  out.marked = printable(text.substr(first, last - first));
  out.after = printable(text.substr(last));
  return out;
}

void add_source(Section& section, const Subject& s, const SourceLine& at) {
  const std::string& source = at.source;
  const MarkedSource code = mark(source, frame_at(s.evidence, at));
  if (code.before.empty() && code.marked.empty()) return;
  const char* bar = s.style.unicode ? "\xE2\x94\x82" : "|";
  const std::string number = at.line ? std::to_string(*at.line) : "";
  Line line;
  line.add(fmt::format("{:>4} {} ", number, bar), Role::kFaint);
  const std::size_t start = line.width();
  line.add(code.before).add(code.marked, Role::kUser).add(code.after);
  section.items.push_back({.line = std::move(line), .rank = kAlways, .one_line = true});
  const bool whole = code.marked.empty() || (code.before.empty() && code.after.empty());
  if (whole) return;
  Line carets;
  carets.add(fmt::format("     {} ", bar), Role::kFaint).pad_to(start + display_width(code.before));
  carets.add(std::string(std::max<std::size_t>(display_width(code.marked), 1), '^'), Role::kMark);
  section.items.push_back({.line = std::move(carets), .rank = kAlways, .one_line = true});
}

Line place_line(const SourceLine& at, const std::string& cwd) {
  Line line;
  line.add(place(short_path(at.file, cwd), at.line), Role::kUser);
  if (!at.function.empty() && at.function != "<module>") line.add(", in ").add(at.function);
  return line;
}

Line input_line(const TensorInfo& t) {
  Line line;
  line.add(t.name.empty() ? "input" : t.name).pad_to(10);
  line.add(t.dtype);
  if (t.shape) line.add(" ").add(shape_text(*t.shape), Role::kValue);
  if (!t.preview.empty()) line.add(" = ").add(t.preview, Role::kFaint);
  return line;
}

// What the node was built with, but for the types that its inputs and outputs show anyway. Empty without any.
std::string attributes_text(const Framework& f, bool whole) {
  const auto is_shown = [&](const std::string& value) {
    const auto has_type = [&](const TensorInfo& t) { return t.dtype == value; };
    return std::any_of(f.inputs.begin(), f.inputs.end(), has_type) ||
           std::any_of(f.outputs.begin(), f.outputs.end(), has_type);
  };
  std::vector<std::string> parts;
  for (const auto& [name, value] : f.attributes)
    if (whole || !is_shown(value)) parts.push_back(name + " = " + value);
  return fmt::format("{}", fmt::join(parts, ", "));
}

// "CPU:0" of "/job:localhost/replica:0/task:0/device:CPU:0".
std::string short_device(const std::string& device) {
  constexpr std::string_view kMarker = "/device:";
  const auto at = device.rfind(kMarker);
  return at == std::string::npos ? device : device.substr(at + kMarker.size());
}

std::string framework_context(const Framework& f, bool whole) {
  std::vector<std::string> parts;
  if (!f.name.empty()) parts.push_back(f.version.empty() ? f.name : f.name + " " + f.version);
  for (const std::string& part : {f.phase, whole ? f.device : short_device(f.device)}) {
    if (!part.empty()) parts.push_back(part);
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

// `text` is already part of what the verdict says.
bool said(const Verdict& v, std::string_view text) {
  const auto holds = [&](const std::string& sentence) { return sentence.find(text) != std::string::npos; };
  return holds(v.summary) || std::any_of(v.evidence.begin(), v.evidence.end(), holds);
}

void add_message(Section& section, const Subject& s, std::string_view prefix, std::string_view text) {
  text = trim(text);
  if (text.empty() || (!s.style.verbose && said(s.verdict, text))) return;
  std::size_t shown = 0;
  for (const std::string_view part : split(text, '\n')) {
    if (!s.style.verbose && shown == kMessageLines) {
      section.items.push_back({.line = Line("...", Role::kFaint), .rank = kContext});
      return;
    }
    Line line;
    if (shown == 0) line.add(prefix, Role::kFaint);
    section.items.push_back({.line = line.add(part), .rank = shown == 0 ? kSecond : kDetail, .hang = 2});
    ++shown;
  }
}

}  // namespace

Section where(const Subject& s) {
  Section section;
  section.label = "where";
  if (!s.verdict.where || s.verdict.where->file.empty()) return section;
  section.items.push_back({.line = place_line(*s.verdict.where, s.evidence.program.cwd), .hang = 2});
  add_source(section, s, *s.verdict.where);
  return section;
}

Section operation(const Subject& s) {
  Section section;
  section.label = "op";
  const Framework* const known = framework_at_work(s.evidence, s.verdict);
  if (known == nullptr || (known->op.empty() && known->node.empty())) return section;
  const Framework& f = *known;
  Line line;
  // Of a node that failed in a graph, TensorFlow's words do not say the op.
  line.add(f.op.empty() ? "of a graph" : f.op, f.op.empty() ? Role::kPlain : Role::kCode);
  const std::string context = framework_context(f, s.style.verbose);
  if (!context.empty()) line.add(fmt::format(" ({})", context));
  if (!f.node.empty() && f.node != f.op) line.add(", node ").add(f.node, Role::kCode);
  if (!f.function.empty()) line.add(", in function ").add(f.function);
  if (!f.confidence.empty() && f.confidence != "certain") line.add(fmt::format(", {}", f.confidence), Role::kFaint);
  section.items.push_back({.line = std::move(line), .rank = kFirst, .hang = 2});
  for (std::size_t i = 0; i < f.inputs.size(); ++i) {
    const int rank = i < kInputsListed ? kThird : kContext;
    section.items.push_back({.line = input_line(f.inputs[i]), .rank = rank, .one_line = !s.style.verbose});
  }
  for (const TensorInfo& output : f.outputs)
    section.items.push_back({.line = input_line(output), .rank = kContext, .one_line = !s.style.verbose});
  if (const std::string text = attributes_text(f, s.style.verbose); !text.empty())
    section.items.push_back({.line = Line("attributes " + text), .rank = kContext, .hang = 2});
  if (f.created_at) {
    Line created("created at ");
    created.add(place_line(*f.created_at, s.evidence.program.cwd));
    section.items.push_back({.line = std::move(created), .rank = kFirst});
  }
  for (const std::string& note : f.notes) section.items.push_back({.line = prose(note), .rank = kDetail, .hang = 2});
  return section;
}

Section fault(const Subject& s) {
  Section section;
  section.label = "death";
  const std::string sentence = death_sentence(s.evidence);
  if (sentence.empty()) return section;
  section.items.push_back({.line = Line(sentence), .rank = kSecond, .hang = 2});
  if (!s.evidence.fault) return section;
  const Fault& f = *s.evidence.fault;
  if (f.instruction) {
    Line line;
    line.add(f.instruction->text, Role::kCode);
    const std::string values = operand_values(*f.instruction);
    if (!values.empty()) line.add("   ").add(values, Role::kValue);
    section.items.push_back({.line = std::move(line), .rank = kThird, .hang = 2});
    if (f.instruction->cpu_supports == false && !f.instruction->missing_feature.empty()) {
      section.items.push_back(
          {.line = Line(fmt::format("this CPU has no {}", f.instruction->missing_feature)), .rank = kSecond});
    }
  }
  for (const std::string& text : neighbourhood(f)) {
    section.items.push_back({.line = Line(text), .rank = kDetail, .hang = 2});
  }
  return section;
}

Section message(const Subject& s) {
  Section section;
  section.label = "message";
  const Messages& m = s.evidence.messages;
  if (m.exception && !m.exception->type.empty()) {
    const std::string text =
        m.exception->what.empty() ? m.exception->type : m.exception->type + ": " + m.exception->what;
    if (s.style.verbose || !said(s.verdict, m.exception->what) || m.exception->what.empty()) {
      add_message(section, s, "C++ exception ", text);
    }
  }
  add_message(section, s, "", m.abort_text);
  return section;
}

}  // namespace segwhy::report
