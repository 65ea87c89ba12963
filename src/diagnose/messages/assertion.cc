#include "diagnose/messages/assertion.h"

#include "base/text.h"

namespace segwhy::text {
namespace {

using Kind = AssertionFailure::Kind;

// "prog: file.c:12: function: Assertion `x' failed." and libstdc++'s "file.h:12: function: Assertion 'x' failed."
std::optional<AssertionFailure> c_assert(std::string_view line) {
  const auto at = line.find("Assertion ");
  if (at == std::string_view::npos || at + 11 >= line.size()) return std::nullopt;
  const char open = line[at + 10];
  const auto end = line.rfind("' failed");
  if ((open != '`' && open != '\'') || end == std::string_view::npos || end <= at + 11) return std::nullopt;
  AssertionFailure found;
  found.expression = line.substr(at + 11, end - at - 11);
  std::string_view head = line.substr(0, at);
  // The function may itself contain colons and numbers, so the source reference is the first one, not the last.
  for (std::size_t colon = head.find(':'); colon != std::string_view::npos; colon = head.find(':', colon + 1)) {
    const auto number = leading_number(head.substr(colon + 1));
    const auto source =
        number ? last_source_ref(head.substr(0, head.find_first_not_of("0123456789", colon + 1))) : std::nullopt;
    if (!source) continue;
    found.file = source->file;
    found.line = source->line;
    const auto rest = after(head.substr(colon), ": ");
    if (rest) found.function = trim(*rest);
    if (found.function.ends_with(':')) found.function.pop_back();
    break;
  }
  return found;
}

// "Assertion failed: x (src/y.cpp:12)", GLib's "ERROR:../x.c:12:f: assertion failed: (x)".
std::optional<AssertionFailure> library_assert(std::string_view line) {
  for (const std::string_view marker : {"Assertion failed: ", "assertion failed: "}) {
    const auto at = line.find(marker);
    if (at == std::string_view::npos) continue;
    AssertionFailure found;
    std::string_view expression = trim(line.substr(at + marker.size()));
    if (const auto source = last_source_ref(line)) {
      found.file = source->file;
      found.line = source->line;
      const auto tail = expression.rfind(" (" + source->file + ":");
      if (tail != std::string_view::npos) expression = expression.substr(0, tail);
    }
    found.expression = expression;
    return found;
  }
  return std::nullopt;
}

// libzmq and its kin: strerror's text, then the place: "Too many open files (src/epoll.cpp:65)".
std::optional<AssertionFailure> errno_abort(std::string_view line) {
  const auto open = line.rfind(" (");
  if (open == std::string_view::npos || !line.ends_with(')') || open > 80) return std::nullopt;
  const std::string_view place = line.substr(open + 2, line.size() - open - 3);
  const auto source = last_source_ref(place);
  if (!source || place != source->file + ":" + std::to_string(source->line)) return std::nullopt;
  if (!source->file.ends_with(".cpp") && !source->file.ends_with(".hpp") && !source->file.ends_with(".cc") &&
      !source->file.ends_with(".c"))
    return std::nullopt;
  AssertionFailure found;
  found.kind = Kind::kErrno;
  found.expression = trim(line.substr(0, open));
  found.file = source->file;
  found.line = source->line;
  return found;
}

std::optional<AssertionFailure> hardening(std::string_view line) {
  const auto what = between(line, "*** ", " ***");
  if (!what || !line.starts_with("*** ")) return std::nullopt;
  const bool stack = contains(*what, "stack smashing detected");
  const bool fortify =
      contains_any(*what, {"buffer overflow detected", "%n in writable segment", "longjmp causes uninitialized",
                           "invalid %N$ use detected", "bit out of range"});
  if (!stack && !fortify) return std::nullopt;
  AssertionFailure found;
  found.kind = stack ? Kind::kStackProtector : Kind::kFortify;
  found.expression = *what;
  return found;
}

}  // namespace

std::optional<AssertionFailure> find_assertion(const Lines& lines) {
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    for (const auto parser : {c_assert, library_assert, hardening, errno_abort}) {
      if (auto found = parser(*line)) {
        found->text = trim(*line);
        return found;
      }
    }
  }
  return std::nullopt;
}

}  // namespace segwhy::text
