// Assertions and hardening aborts of C and C++ code: assert(), libstdc++'s and GLib's assertions, libzmq's error
// aborts, _FORTIFY_SOURCE and the stack protector.
#pragma once

#include <optional>
#include <string>

#include "diagnose/messages/lines.h"

namespace segwhy::text {

struct AssertionFailure {
  enum class Kind { kAssert, kErrno, kFortify, kStackProtector };
  Kind kind = Kind::kAssert;
  std::string expression;  // of kAssert; the error's text for kErrno; what was detected for the others
  std::string file, function;
  std::optional<int> line;
  std::string text;  // the whole line
};

// The last one in the text.
[[nodiscard]] std::optional<AssertionFailure> find_assertion(const Lines& lines);

}  // namespace segwhy::text
