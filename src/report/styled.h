// Styled text: lines of spans, each with a role; wrapping them; and painting them for a terminal or a pipe.
//
// Text enters a Line only through add(), which makes it printable: the escape sequences that paint() writes are the
// only control characters a report can hold. Pure, thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace segwhy::report {

// What a span is, not how it looks: paint() decides.
enum class Role {
  kPlain,
  kLabel,    // of a section
  kVerdict,  // the class
  kUser,     // the user's own frame and line
  kMark,     // carets and arrows that point
  kCode,     // instructions, commands, names in text
  kValue,    // operand values, numbers that matter
  kFaint     // what matters less
};

struct Span {
  Role role = Role::kPlain;
  std::string text;
};

class Line {
 public:
  Line() = default;
  explicit Line(std::string_view text, Role role = Role::kPlain) { add(text, role); }

  // Appends `text`, made printable. Returns *this so that a line reads as one expression.
  Line& add(std::string_view text, Role role = Role::kPlain);
  Line& add(const Line& other);
  // Appends spaces up to `column`; nothing when the line is already that wide.
  Line& pad_to(std::size_t column);

  [[nodiscard]] std::size_t width() const;
  [[nodiscard]] bool empty() const { return spans_.empty(); }
  [[nodiscard]] const std::vector<Span>& spans() const { return spans_; }
  [[nodiscard]] std::string text() const;  // without roles

 private:
  std::vector<Span> spans_;
};

// Prose with `code` in backquotes (the convention of summaries, evidence and advice): the quoted parts get kCode and
// keep their quotes, so that plain output is the same text.
[[nodiscard]] Line prose(std::string_view text, Role role = Role::kPlain);

// Breaks `line` at spaces so that each part fits `width` (at least 8 is used); a longer word is cut. Leading spaces of
// the first part stay.
[[nodiscard]] std::vector<Line> wrap(const Line& line, std::size_t width);

// `line` cut to `width`, the cut marked with `ellipsis`.
[[nodiscard]] Line cut(const Line& line, std::size_t width, std::string_view ellipsis);

struct Paint {
  bool color = false;
  bool unicode = true;  // false: what is beyond ASCII is escaped
};

// The line without a newline, trailing spaces removed. With colour, ANSI sequences that end in a reset.
[[nodiscard]] std::string paint(const Line& line, const Paint& how);

}  // namespace segwhy::report
