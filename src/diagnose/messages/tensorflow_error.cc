#include "diagnose/messages/tensorflow_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace segwhy::text {
namespace {

constexpr std::string_view kNodeOpen = "{{node ";
constexpr std::string_view kCreated = " defined at (most recent call last):";
constexpr std::size_t kMaxInputs = 32;
constexpr std::size_t kMaxReason = 240;

bool is_identifier(std::string_view text) {
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text.front())) == 0 &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

// Op types and, with '/' and '.', node names.
bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("_./-^>:\\").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

// Keras 3 prints in bold.
std::string without_escapes(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b' && i + 1 < text.size() && text[i + 1] == '[') {
      while (i + 1 < text.size() && text[i] != 'm') ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

// "a.py:5 my_op  *": a line of AutoGraph's stack as 2.4 prints it. Stars mark converted code.
std::optional<TracebackFrame> short_frame(std::string_view line) {
  line = trim(line);
  while (line.ends_with('*')) line = trim(line.substr(0, line.size() - 1));
  const auto space = line.rfind(' ');
  if (space == std::string_view::npos || !is_identifier(line.substr(space + 1))) return std::nullopt;
  const std::string_view place = line.substr(0, space);
  const auto colon = place.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  const auto number = parse_number(place.substr(colon + 1));
  const std::string_view file = place.substr(0, colon);
  if (!number || *number == 0 || *number > 100'000'000) return std::nullopt;
  if (!file.ends_with(".py") && !file.starts_with('<')) return std::nullopt;  // "<ipython-input-3-...>"
  TracebackFrame frame;
  frame.file = file;
  frame.line = static_cast<int>(*number);
  frame.function = line.substr(space + 1);
  return frame;
}

std::optional<TracebackFrame> any_frame(std::string_view line) {
  while (trim(line).ends_with('*')) line = trim(line).substr(0, trim(line).size() - 1);
  auto frame = traceback_frame(line);
  return frame ? frame : short_frame(line);
}

// "[1000,1000]" and "[?,3]"; nullopt for "<unknown>" and anything else.
std::optional<std::vector<std::int64_t>> shape_in(std::string_view text) {
  text = trim(text);
  if (!text.starts_with('[') || !text.ends_with(']')) return std::nullopt;
  text = trim(text.substr(1, text.size() - 2));
  std::vector<std::int64_t> shape;
  if (text.empty()) return shape;
  for (const std::string_view part : split(text, ',')) {
    const std::string_view size = trim(part);
    const auto number = parse_number(size);
    if (!number && size != "?") return std::nullopt;
    if (number && *number > INT64_MAX) return std::nullopt;
    shape.push_back(number ? static_cast<std::int64_t>(*number) : -1);
  }
  return shape;
}

// The bracketed texts that `text` starts with, separated by commas: "[?,3], [7,2]." has two.
std::vector<std::string_view> leading_lists(std::string_view text) {
  std::vector<std::string_view> out;
  while (out.size() < kMaxInputs) {
    text = trim(text);
    const std::size_t end = text.starts_with('[') ? text.find(']') : text.starts_with('<') ? text.find('>') : text.npos;
    if (end == text.npos) break;
    out.push_back(text.substr(0, end + 1));
    text.remove_prefix(end + 1);
    if (!text.starts_with(',')) break;
    text.remove_prefix(1);
  }
  return out;
}

TensorInfo& input_named(TensorFlowError& error, const std::string& name) {
  for (TensorInfo& known : error.inputs)
    if (known.name == name) return known;
  TensorInfo& added = error.inputs.emplace_back();
  added.name = name;
  return added;
}

void set_shape(TensorFlowError& error, std::size_t index, std::string_view text) {
  if (auto shape = shape_in(text)) input_named(error, fmt::format("input {}", index)).shape = std::move(shape);
}

// "... = Mul[T=DT_FLOAT](x, Const)' with input shapes: [1000,1000], [3]."
void read_definition(TensorFlowError& error) {
  const auto rest = after(error.reason, kNodeOpen);
  const auto node = rest ? rest->substr(0, rest->find("}}")) : std::string_view();
  const auto definition = rest ? after(*rest, "}} = ") : std::nullopt;
  if (!definition || !is_name(node)) return;
  const std::string_view op = definition->substr(0, definition->find_first_of("[("));
  if (!is_name(op)) return;
  error.node = node;
  error.op = op;
  const auto shapes = after(*definition, "with input shapes: ");
  if (!shapes) return;
  const auto lists = leading_lists(*shapes);
  for (std::size_t i = 0; i < lists.size(); ++i) set_shape(error, i, lists[i]);
}

// Input 'y' of 'Mul' Op has type int32 that does not match type float32 of argument 'x'.
void read_type_mismatch(TensorFlowError& error) {
  const auto input = between(error.reason, "Input '", "' of '");
  const auto op = between(error.reason, "' of '", "' Op has type ");
  if (!input || !op || !is_name(*op)) return;
  error.op = *op;
  const auto type = between(error.reason, "' Op has type ", " ");
  if (type && is_identifier(*type)) input_named(error, fmt::format("input '{}'", *input)).dtype = *type;
  const auto other = between(error.reason, " match type ", " of argument '");
  const auto other_name = between(error.reason, " of argument '", "'");
  if (other && other_name && is_identifier(*other))
    input_named(error, fmt::format("input '{}'", *other_name)).dtype = *other;
}

// What kernels and the eager runtime say in words of their own, where the words tell which input is meant.
void read_words(TensorFlowError& error) {
  if (const auto shapes = after(error.reason, "Incompatible shapes: ")) {
    const auto separator = shapes->find(" vs. ");
    if (separator != std::string_view::npos) {
      const auto second = leading_lists(shapes->substr(separator + 5));
      set_shape(error, 0, shapes->substr(0, separator));
      if (!second.empty()) set_shape(error, 1, second.front());
    }
  }
  for (std::size_t i = 0; i < kMaxInputs; ++i) {
    const auto said = after(error.reason, fmt::format("In[{}]: ", i));
    const auto lists = said ? leading_lists(*said) : std::vector<std::string_view>();
    if (!lists.empty()) set_shape(error, i, lists.front());
  }
  // "as input #1(zero-based) was expected to be a float tensor but is a int32 tensor"
  const auto index = after(error.reason, " as input #");
  const std::uint64_t number = leading_number(index.value_or("")).value_or(kMaxInputs);
  const auto type = between(error.reason, "(zero-based) was expected to be a", " tensor but is a ");
  const auto is = type ? between(error.reason, " tensor but is a ", " tensor") : std::nullopt;
  if (number < kMaxInputs && is && is_identifier(*is)) input_named(error, fmt::format("input {}", number)).dtype = *is;
}

// "[[{{node Mul}}]]" and "[[node Mul (defined at a.py:6) ]]": the node of a graph that ran.
bool read_marker(std::string_view line, TensorFlowError& error) {
  if (const auto node = between(line, "[[{{node ", "}}]]")) {
    if (is_name(*node)) error.node = *node;
  } else if (const auto old = between(line, "[[node ", " (defined at ")) {
    if (is_name(*old)) error.node = *old;
    const auto place = between(line, " (defined at ", ")");
    const auto colon = place ? place->rfind(':') : std::string_view::npos;
    const auto number = colon != std::string_view::npos ? leading_number(place->substr(colon + 1)) : std::nullopt;
    if (number && *number <= 100'000'000) {
      TracebackFrame frame;
      frame.file = place->substr(0, colon);
      frame.line = static_cast<int>(*number);
      error.frames.push_back(std::move(frame));
    }
  } else {
    return false;
  }
  error.in_graph = true;
  return true;
}

// Frames of the first stack in the message, with their source lines: of several root errors the first counts.
void read_frames(const Lines& lines, TensorFlowError& error) {
  bool inside_creation = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (contains(lines[i], kCreated)) {
      if (inside_creation) return;
      inside_creation = true;
      error.frames.clear();
    } else if (inside_creation && (lines[i].starts_with("Node: ") || contains(lines[i], "[["))) {
      return;
    } else if (auto frame = any_frame(lines[i])) {
      const bool has_source = i + 1 < lines.size() && !any_frame(lines[i + 1]) && lines[i + 1].starts_with(' ');
      if (has_source) frame->source = trim(lines[i + 1]);
      error.frames.push_back(std::move(*frame));
    }
  }
}

// Without what only tells where: "{{function_node ...}} " in front, "[Op:Mul] name: " behind, "(0) Invalid argument:".
std::string stripped(std::string_view line) {
  line = trim(line);
  if (line.starts_with("{{function_node ")) {
    const auto rest = after(line, "}}");
    if (rest) line = trim(*rest);
  }
  for (const std::string_view tail : {" [Op:", "[[{{node", "[[node"}) line = trim(line.substr(0, line.find(tail)));
  return shortened(line, kMaxReason);
}

// "    ValueError: Dimensions must be equal...": how AutoGraph ends its stack.
std::optional<std::string_view> after_exception_name(std::string_view line) {
  line = trim(line);
  const auto colon = line.find(": ");
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view name = line.substr(0, colon);
  const bool named = name.ends_with("Error") || name.ends_with("Exception");
  const bool one_word = std::all_of(name.begin(), name.end(),
                                    [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.'; });
  return named && one_word ? std::optional(line.substr(colon + 2)) : std::nullopt;
}

// The line in front of a graph's marker; the one that holds the node's definition; what AutoGraph ends with; the first.
std::string find_reason(const Lines& lines) {
  std::string_view before, last_named;
  for (const std::string_view line : lines) {
    if (contains(line, "}} = ") && contains(line, kNodeOpen)) {
      const auto named = after_exception_name(line);
      return shortened(trim(named ? *named : line), 2 * kMaxReason);
    }
  }
  for (const std::string_view line : lines) {
    if (contains(line, "[[{{node ") || contains(line, "[[node ")) {
      const std::string own = stripped(line);
      return own.empty() ? stripped(before) : own;
    }
    if (!trim(line).empty()) before = line;
    if (const auto named = after_exception_name(line)) last_named = *named;
  }
  if (!last_named.empty()) return stripped(last_named);
  return lines.empty() ? std::string() : stripped(lines.front());
}

bool is_tensorflows(const Traceback& traceback) {
  const std::string_view message = traceback.message;
  return traceback.type.starts_with("tensorflow.") || contains_any(message, {"{{node ", "{{function_node ", "[Op:"}) ||
         message.starts_with("in user code:") ||
         (contains(message, "' Op has type ") && message.starts_with("Input '"));
}

}  // namespace

std::optional<TensorFlowError> read_tensorflow_error(const Traceback& traceback) {
  if (!is_tensorflows(traceback)) return std::nullopt;
  const std::string plain = without_escapes(traceback.message);
  const Lines lines = lines_of(plain);
  TensorFlowError error;
  read_frames(lines, error);
  error.reason = find_reason(lines);
  read_definition(error);
  if (error.op.empty()) {
    for (const std::string_view line : lines)
      if (read_marker(line, error)) break;
  }
  const auto op = between(plain, "[Op:", "]");
  // Of a graph that ran, it is the function's name.
  if (op && error.op.empty() && !error.in_graph && is_name(*op) && !op->starts_with("__")) error.op = *op;
  read_type_mismatch(error);
  read_words(error);
  return error;
}

}  // namespace segwhy::text
