#include "diagnose/messages/text_facts.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace segwhy::text {
namespace {

bool belongs_to_printed_stack(std::string_view line) {
  return line.empty() || line.front() == ' ' || line.front() == '\t' || contains(line, "(most recent call first):") ||
         line.starts_with("Extension modules: ") || line.starts_with("Fatal Python error: ") ||
         line.starts_with("Python runtime state: ") || line.starts_with("*** ") || line.starts_with("@ ");
}

std::string last_spoken_line(const Lines& lines) {
  for (auto line = lines.rbegin(); line != lines.rend(); ++line)
    if (!belongs_to_printed_stack(*line)) return shortened(trim(*line), 300);
  return {};
}

// What a process says while it shuts down, whoever ended it: warnings, ignored exceptions, log lines with a time.
bool is_shutdown_noise(std::string_view line) {
  const bool dated = !line.empty() && std::isdigit(static_cast<unsigned char>(line.front()));
  const bool glog = line.size() > 5 && contains("IWEF", line.substr(0, 1)) &&
                    std::all_of(line.begin() + 1, line.begin() + 5, [](unsigned char c) { return std::isdigit(c); });
  return belongs_to_printed_stack(line) || dated || glog || line.starts_with('[') ||
         line.starts_with("Exception ignored") || contains(line, "Warning: ");
}

// Built-in exceptions and numpy's fit on a line; TensorFlow's own run over many.
bool has_long_message(const Traceback& traceback) {
  return contains(traceback.type, ".") && !contains(traceback.type, "numpy");
}

bool speaks_after(const Lines& lines, const Traceback& traceback) {
  const std::size_t start = has_long_message(traceback) ? traceback.last_line : traceback.exception_line;
  for (std::size_t i = start + 1; i < lines.size(); ++i)
    if (!is_shutdown_noise(lines[i])) return true;
  return false;
}

}  // namespace

const Traceback* TextFacts::final_traceback() const {
  // Exit handlers and logging may add a few lines behind it; more than that, and it was not the end.
  constexpr std::size_t kTrailingLines = 60;
  for (auto traceback = tracebacks.rbegin(); traceback != tracebacks.rend(); ++traceback) {
    if (traceback->in_thread || traceback->ignored) continue;
    return traceback->last_line + kTrailingLines >= line_count ? &*traceback : nullptr;
  }
  return nullptr;
}

TextFacts read_messages(const Messages& messages) {
  const Lines said = lines_of(messages.stderr_tail);
  const Lines abort_lines = lines_of(messages.abort_text);
  TextFacts facts;
  facts.line_count = said.size();
  facts.abort_text_known = !trim(messages.abort_text).empty();
  const Lines& last_words = facts.abort_text_known ? abort_lines : said;
  facts.heap = find_heap_complaint(last_words);
  facts.assertion = find_assertion(last_words);
  facts.check = find_check_failure(said);
  facts.termination = find_termination(said);
  facts.panic = find_panic(said);
  facts.python_fatal = find_python_fatal(said);
  facts.allocation = find_allocation_failure(said);
  facts.threads = find_thread_failure(said);
  facts.library = find_library_complaint(said);
  facts.tracebacks = find_tracebacks(said);
  facts.fault_stack = find_fault_stack(said);
  if (const Traceback* last = facts.final_traceback()) facts.spoke_after_traceback = speaks_after(said, *last);
  facts.last_line = last_spoken_line(said);
  return facts;
}

}  // namespace segwhy::text
