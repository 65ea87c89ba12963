#include "diagnose/messages/python.h"

#include <algorithm>

#include "base/text.h"

namespace segwhy::text {
namespace {

constexpr std::string_view kHeader = "Traceback (most recent call last):";

bool is_marker_line(std::string_view line) {
  return !trim(line).empty() && trim(line).find_first_not_of("^~ ") == std::string_view::npos;
}

// An exception line is unindented: "Type: message", "package.Type", "Type".
bool is_exception_line(std::string_view line) {
  if (line.empty() || line.front() == ' ' || line.front() == '\t') return false;
  const std::string_view name = line.substr(0, line.find(':'));
  return name.find_first_of(" \t\"'()") == std::string_view::npos;
}

bool ends_message(std::string_view line) {
  return line.starts_with(kHeader) || line.starts_with("During handling of the above exception") ||
         line.starts_with("The above exception was the direct cause") || line.starts_with("Exception ignored in") ||
         line.starts_with("Exception in thread ") || line.starts_with("Fatal Python error");
}

void read_message(const Lines& lines, std::size_t at, Traceback& into) {
  const auto colon = lines[at].find(": ");
  into.type = lines[at].substr(0, colon);
  if (into.type.ends_with(':')) into.type.pop_back();
  if (colon != std::string_view::npos) into.message = lines[at].substr(colon + 2);
  into.last_line = into.exception_line = at;
  // A message may hold a stack of its own, as TensorFlow's do: blank and indented lines are not counted.
  constexpr std::size_t kMaxLines = 40, kMaxStackLines = 1000;
  std::size_t spoken = 0;
  for (std::size_t i = at + 1; i < lines.size() && i <= at + kMaxStackLines && !ends_message(lines[i]); ++i) {
    const bool in_stack = lines[i].empty() || lines[i].front() == ' ' || lines[i].front() == '\t';
    if (!in_stack && ++spoken > kMaxLines) break;
    into.message += '\n';
    into.message += lines[i];
    into.last_line = i;
  }
  into.message = std::string(trim(into.message));
}

// Reads the traceback whose header is lines[at].
std::optional<Traceback> read_traceback(const Lines& lines, std::size_t at) {
  Traceback found;
  found.first_line = at;
  const auto before = [&](std::string_view start) { return at > 0 && lines[at - 1].starts_with(start); };
  found.in_thread = before("Exception in thread ");
  found.ignored = before("Exception ignored in");
  found.chained = at > 1 && ends_message(lines[at - 2]) && !found.in_thread && !found.ignored;
  for (std::size_t i = at + 1; i < lines.size(); ++i) {
    const std::string_view line = lines[i];
    if (auto frame = traceback_frame(line)) {
      found.frames.push_back(std::move(*frame));
    } else if (const auto repeated = between(line, "[Previous line repeated ", " more")) {
      if (!found.frames.empty()) found.frames.back().repeated = parse_number(*repeated).value_or(0);
    } else if (is_exception_line(line)) {
      read_message(lines, i, found);
      return found;
    } else if (!found.frames.empty() && found.frames.back().source.empty() && !is_marker_line(line)) {
      found.frames.back().source = trim(line);
    }
  }
  return std::nullopt;
}

bool is_signal_name(std::string_view message) {
  static constexpr std::string_view kNames[] = {"Segmentation fault", "Aborted", "Bus error",
                                                "Floating point exception", "Illegal instruction"};
  return std::find(std::begin(kNames), std::end(kNames), trim(message)) != std::end(kNames);
}

bool is_function_name(std::string_view text) {
  return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
                              std::string_view::npos;
}

}  // namespace

std::optional<TracebackFrame> traceback_frame(std::string_view line) {
  const auto name = between(line, "File \"", "\", line ");
  if (!name || !trim(line).starts_with("File \"")) return std::nullopt;
  const std::string_view rest = *after(line, "\", line ");
  const auto number = leading_number(rest);
  if (!number || *number > 100'000'000) return std::nullopt;
  TracebackFrame frame;
  frame.file = *name;
  frame.line = static_cast<int>(*number);
  if (const auto function = after(rest, "in ")) frame.function = trim(*function);
  return frame;
}

std::vector<Traceback> find_tracebacks(const Lines& lines) {
  std::vector<Traceback> found;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].starts_with(kHeader)) continue;
    auto traceback = read_traceback(lines, i);
    if (!traceback) continue;
    // The one it follows from may have been lost with the older text.
    traceback->chained = traceback->chained && !found.empty();
    found.push_back(std::move(*traceback));
  }
  return found;
}

bool raised_by_statement(const Traceback& traceback) {
  if (traceback.frames.empty()) return false;
  const std::string_view source = trim(traceback.frames.back().source);
  // Also behind a condition on the same line: "if n > 3: raise ValueError(n)".
  return source.starts_with("raise ") || source == "raise" || contains_any(source, {": raise ", "; raise "});
}

std::string_view exception_name(const Traceback& traceback) {
  const std::string_view type = traceback.type;
  const auto dot = type.rfind('.');
  return dot == std::string_view::npos ? type : type.substr(dot + 1);
}

std::optional<PythonFatal> find_python_fatal(const Lines& lines) {
  for (std::size_t i = lines.size(); i-- > 0;) {
    const auto message = after(lines[i], "Fatal Python error: ");
    if (!message || is_signal_name(*message)) continue;
    PythonFatal found;
    found.text = trim(lines[i]);
    const auto colon = message->find(": ");
    const bool named = colon != std::string_view::npos && is_function_name(message->substr(0, colon));
    if (named) found.function = message->substr(0, colon);
    found.message = trim(named ? message->substr(colon + 2) : *message);
    for (std::size_t j = i + 1; j < lines.size() && j < i + 4; ++j)
      if (const auto state = after(lines[j], "Python runtime state: "))
        found.state = trim(state->substr(0, state->find(" (")));
    return found;
  }
  return std::nullopt;
}

std::vector<TracebackFrame> find_fault_stack(const Lines& lines) {
  std::vector<TracebackFrame> frames;
  for (std::size_t i = lines.size(); i-- > 0;) {
    const bool header = contains(lines[i], "(most recent call first):") &&
                        (lines[i].starts_with("Current thread ") || lines[i].starts_with("Stack "));
    if (!header) continue;
    for (std::size_t j = i + 1; j < lines.size(); ++j) {
      auto frame = traceback_frame(lines[j]);
      if (!frame) break;
      frames.push_back(std::move(*frame));
    }
    return frames;
  }
  return frames;
}

}  // namespace segwhy::text
