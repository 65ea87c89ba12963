#include "diagnose/messages/check.h"

#include <cctype>

#include "base/text.h"

namespace segwhy::text {
namespace {

constexpr std::string_view kMarkers[] = {"Check failed: ", "CHECK failed: ", "Check failure: "};

// Where the message of a fatal log line starts: behind "] " of "...: F path/file.cc:12] " (TensorFlow), "F0000 ...
// file.cc:12] " (abseil, glog), "[F file.cpp:12] " (PyTorch), "[libprotobuf FATAL file.cc:12] ".
std::optional<std::size_t> fatal_message_start(std::string_view line) {
  const auto bracket = line.find("] ");
  if (bracket == std::string_view::npos) return std::nullopt;
  const std::string_view prefix = line.substr(0, bracket);
  if (!last_source_ref(prefix)) return std::nullopt;
  const auto digit = [&](std::size_t i) {
    return i < prefix.size() && std::isdigit(static_cast<unsigned char>(prefix[i]));
  };
  const bool glog = prefix.starts_with('F') && digit(1) && digit(2) && digit(3) && digit(4);
  const bool named = contains_any(prefix, {": F ", "[F ", " FATAL ", ":FATAL:"}) || prefix.starts_with("F ");
  if (!glog && !named) return std::nullopt;
  return bracket + 2;
}

std::size_t closing_parenthesis(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] == ')' && --depth == 0) return i;
  }
  return std::string_view::npos;
}

// "a == b (1 vs. 2)detail" into its parts; without values all of it is the expression, because nothing in the text
// separates a condition from the words behind it.
void split_condition(std::string_view condition, CheckFailure& into) {
  const auto versus = condition.find(" vs. ");
  const auto open = versus == std::string_view::npos ? versus : condition.rfind(" (", versus);
  const auto close = open == std::string_view::npos ? open : closing_parenthesis(condition, open + 1);
  if (close == std::string_view::npos || close < versus) {
    into.expression = trim(condition);
    return;
  }
  into.expression = trim(condition.substr(0, open));
  into.left = trim(condition.substr(open + 2, versus - open - 2));
  into.right = trim(condition.substr(versus + 5, close - versus - 5));
  std::string_view rest = trim(condition.substr(close + 1));
  if (rest.starts_with(": ")) rest.remove_prefix(2);
  into.detail = rest;
}

void set_source(std::string_view prefix, CheckFailure& into) {
  if (const auto source = last_source_ref(prefix)) {
    into.file = source->file;
    into.line = source->line;
  }
}

std::optional<CheckFailure> check_of_line(std::string_view line) {
  for (const std::string_view marker : kMarkers) {
    const auto at = line.find(marker);
    if (at == std::string_view::npos) continue;
    CheckFailure found;
    found.text = trim(line.substr(at));
    set_source(line.substr(0, at), found);
    split_condition(line.substr(at + marker.size()), found);
    return found;
  }
  if (const auto start = fatal_message_start(line)) {
    CheckFailure found;
    found.text = found.detail = trim(line.substr(*start));
    set_source(line.substr(0, *start), found);
    return found;
  }
  return std::nullopt;
}

}  // namespace

std::optional<CheckFailure> find_check_failure(const Lines& lines) {
  for (auto line = lines.rbegin(); line != lines.rend(); ++line)
    if (auto found = check_of_line(*line)) return found;
  return std::nullopt;
}

}  // namespace segwhy::text
