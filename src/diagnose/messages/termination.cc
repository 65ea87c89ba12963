#include "diagnose/messages/termination.h"

#include "base/text.h"

namespace segwhy::text {
namespace {

std::string what_behind(const Lines& lines, std::size_t at) {
  if (at + 1 >= lines.size()) return {};
  const auto what = after(lines[at + 1], "what():");
  return what ? std::string(trim(*what)) : std::string();
}

std::optional<Termination> libstdcxx(const Lines& lines, std::size_t at) {
  const std::string_view line = lines[at];
  if (!contains(line, "terminate called ")) return std::nullopt;
  Termination found;
  found.text = trim(line);
  if (const auto type = between(line, "throwing an instance of '", "'")) {
    found.type = *type;
    found.what = what_behind(lines, at);
  } else if (contains(line, "recursively")) {
    found.kind = Termination::Kind::kRecursive;
  } else if (contains(line, "without an active exception")) {
    const bool pure = at > 0 && contains(lines[at - 1], "pure virtual method called");
    found.kind = pure ? Termination::Kind::kPureVirtual : Termination::Kind::kNoException;
  } else {
    return std::nullopt;
  }
  return found;
}

std::optional<Termination> libcxx(std::string_view line) {
  const auto rest = after(line, "libc++abi: ");
  if (!rest) return std::nullopt;
  Termination found;
  found.text = trim(line);
  if (contains(*rest, "Pure virtual function called")) {
    found.kind = Termination::Kind::kPureVirtual;
    return found;
  }
  const auto typed = after(*rest, "uncaught exception of type ");
  if (!typed) {
    found.kind = Termination::Kind::kNoException;
    return contains(*rest, "terminat") ? std::optional(found) : std::nullopt;
  }
  const auto colon = typed->find(": ");
  found.type = trim(typed->substr(0, colon));
  if (colon != std::string_view::npos) found.what = trim(typed->substr(colon + 2));
  return found;
}

std::optional<Panic> rust(const Lines& lines, std::size_t at) {
  const std::string_view line = lines[at];
  const auto rest = after(line, "' panicked at ");
  if (!rest || !contains(line, "thread '")) return std::nullopt;
  Panic found{"Rust", {}, {}, {}, std::string(trim(line))};
  if (const auto source = last_source_ref(*rest)) {
    found.file = source->file;
    found.line = source->line;
  }
  // Up to 1.72 the message is on the same line in quotes, from 1.73 on it follows on the next.
  if (rest->starts_with('\'')) {
    const auto end = rest->rfind("', ");
    found.message = rest->substr(1, end == std::string_view::npos ? end : end - 1);
  } else if (at + 1 < lines.size()) {
    found.message = trim(lines[at + 1]);
  }
  return found;
}

std::optional<Panic> go(const Lines& lines, std::size_t at) {
  const bool panic = lines[at].starts_with("panic: ");
  const bool fatal = lines[at].starts_with("fatal error: ");
  if (!panic && !fatal) return std::nullopt;
  for (std::size_t i = at + 1; i < lines.size() && i < at + 12; ++i)
    if (lines[i].starts_with("goroutine ") || lines[i].starts_with("runtime stack:"))
      return Panic{"Go", std::string(after(lines[at], ": ").value_or("")), {}, {}, std::string(lines[at])};
  return std::nullopt;
}

}  // namespace

std::optional<Termination> find_termination(const Lines& lines) {
  for (std::size_t i = lines.size(); i-- > 0;) {
    if (auto found = libstdcxx(lines, i)) return found;
    if (auto found = libcxx(lines[i])) return found;
  }
  return std::nullopt;
}

std::optional<Panic> find_panic(const Lines& lines) {
  for (std::size_t i = lines.size(); i-- > 0;) {
    if (auto found = rust(lines, i)) return found;
    if (auto found = go(lines, i)) return found;
  }
  return std::nullopt;
}

}  // namespace segwhy::text
