// std::terminate's last words (libstdc++ and libc++), and the panics of Rust and Go.
#pragma once

#include <optional>
#include <string>

#include "diagnose/messages/lines.h"

namespace segwhy::text {

struct Termination {
  // kNoException: a joinable std::thread destroyed, or terminate() called directly.
  enum class Kind { kException, kNoException, kRecursive, kPureVirtual };
  Kind kind = Kind::kException;
  std::string type;  // of the exception, as printed
  std::string what;  // first line
  std::string text;
};

[[nodiscard]] std::optional<Termination> find_termination(const Lines& lines);

struct Panic {
  std::string language;  // "Rust", "Go"
  std::string message;
  std::string file;
  std::optional<int> line;
  std::string text;
};

[[nodiscard]] std::optional<Panic> find_panic(const Lines& lines);

}  // namespace segwhy::text
