#include "report/styled.h"

#include <algorithm>

#include "report/printable.h"

namespace segwhy::report {
namespace {

constexpr std::size_t kMinimumWidth = 8;

const char* ansi(Role role) {
  switch (role) {
    case Role::kPlain:
      return "";
    case Role::kLabel:
      return "\x1b[36m";
    case Role::kVerdict:
      return "\x1b[1;31m";
    case Role::kUser:
      return "\x1b[1m";
    case Role::kMark:
      return "\x1b[1;31m";
    case Role::kCode:
      return "\x1b[33m";
    case Role::kValue:
      return "\x1b[35m";
    case Role::kFaint:
      return "\x1b[2m";
  }
  return "";
}

// Text between spaces; may hold several roles.
struct Word {
  std::size_t spaces_before = 0;
  Line text;
};

std::vector<Word> words_of(const Line& line) {
  std::vector<Word> words(1);
  for (const Span& span : line.spans()) {
    std::string_view rest = span.text;
    while (!rest.empty()) {
      const bool blank = rest.front() == ' ';
      const std::size_t end = std::min(blank ? rest.find_first_not_of(' ') : rest.find(' '), rest.size());
      if (blank) {
        if (!words.back().text.empty()) words.emplace_back();
        words.back().spaces_before += end;
      } else {
        words.back().text.add(rest.substr(0, end), span.role);
      }
      rest.remove_prefix(end);
    }
  }
  return words;
}

// Moves what fits `columns` from the front of `line` into the result; at least one character.
Line take(Line& line, std::size_t columns) {
  Line head, tail;
  for (const Span& span : line.spans()) {
    const std::size_t room = columns - std::min(columns, head.width());
    std::size_t bytes = tail.empty() ? prefix_that_fits(span.text, room) : 0;
    if (bytes == 0 && head.empty()) bytes = std::min<std::size_t>(span.text.size(), 1);
    head.add(std::string_view(span.text).substr(0, bytes), span.role);
    tail.add(std::string_view(span.text).substr(bytes), span.role);
  }
  line = std::move(tail);
  return head;
}

}  // namespace

Line& Line::add(std::string_view text, Role role) {
  if (text.empty()) return *this;
  std::string safe = printable(text);
  if (!spans_.empty() && spans_.back().role == role) {
    spans_.back().text += safe;
  } else {
    spans_.push_back({role, std::move(safe)});
  }
  return *this;
}

Line& Line::add(const Line& other) {
  for (const Span& span : other.spans_) add(span.text, span.role);
  return *this;
}

Line& Line::pad_to(std::size_t column) {
  const std::size_t now = width();
  return now < column ? add(std::string(column - now, ' ')) : *this;
}

std::size_t Line::width() const {
  std::size_t width = 0;
  for (const Span& span : spans_) width += display_width(span.text);
  return width;
}

std::string Line::text() const {
  std::string out;
  for (const Span& span : spans_) out += span.text;
  return out;
}

Line prose(std::string_view text, Role role) {
  Line line;
  while (!text.empty()) {
    const auto open = text.find('`');
    const auto close = open == std::string_view::npos ? open : text.find('`', open + 1);
    if (close == std::string_view::npos) return line.add(text, role);
    line.add(text.substr(0, open), role).add(text.substr(open, close - open + 1), Role::kCode);
    text.remove_prefix(close + 1);
  }
  return line;
}

std::vector<Line> wrap(const Line& line, std::size_t width) {
  width = std::max(width, kMinimumWidth);
  std::vector<Line> parts(1);
  for (Word& word : words_of(line)) {
    const std::size_t column = parts.back().width();
    if (column > 0 && column + word.spaces_before + word.text.width() > width) {
      parts.emplace_back();  // the spaces end with the line
    } else {
      parts.back().add(std::string(std::min(word.spaces_before, width - 1), ' '));
    }
    while (parts.back().width() + word.text.width() > width) {
      parts.back().add(take(word.text, width - parts.back().width()));
      parts.emplace_back();
    }
    parts.back().add(word.text);
  }
  return parts;
}

Line cut(const Line& line, std::size_t width, std::string_view ellipsis) {
  if (line.width() <= width) return line;
  const std::size_t room = width - std::min(width, display_width(ellipsis));
  Line out;
  for (const Span& span : line.spans()) {
    const std::size_t left = room - out.width();
    out.add(span.text.substr(0, prefix_that_fits(span.text, left)), span.role);
    if (display_width(span.text) > left) break;
  }
  return out.add(ellipsis, Role::kFaint);
}

std::string paint(const Line& line, const Paint& how) {
  std::string out;
  std::string spaces;  // held back: written only when text follows
  for (const Span& span : line.spans()) {
    const std::string text = how.unicode ? span.text : printable(span.text, true);
    const auto last = text.find_last_not_of(' ');
    if (last == std::string::npos) {
      spaces += text;
      continue;
    }
    const std::string_view start = how.color ? ansi(span.role) : "";
    out.append(spaces).append(start).append(text, 0, last + 1);
    if (!start.empty()) out += "\x1b[0m";
    spaces.assign(text, last + 1);
  }
  return out;
}

}  // namespace segwhy::report
