// Result<T>: a value, or an Error that says what failed, on what, and what to do.
//
// Every fallible function outside src/runtime returns one. Errors are values: nothing here throws, so a
// Result may be dropped only on purpose (it is [[nodiscard]]).
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace segwhy {

// A failure as the user will read it. `what` names the operation and its object ("read /proc/12/maps: Permission
// denied"); `hint` is what the user can do about it and may be empty.
struct Error {
  std::string what;
  std::string hint;
};

template <class T>
using Result = tl::expected<T, Error>;

using Status = Result<void>;

[[nodiscard]] inline tl::unexpected<Error> fail(std::string what, std::string hint = {}) {
  return tl::unexpected<Error>(Error{std::move(what), std::move(hint)});
}

// The same with the text of `error_number` (an errno value) appended. Thread-safe.
[[nodiscard]] tl::unexpected<Error> fail_errno(std::string what, int error_number, std::string hint = {});

}  // namespace segwhy
