// What a traceback proves about an exit: programs also print the exceptions that they catch. Pure and thread-safe.
#pragma once

#include "diagnose/facts.h"

namespace segwhy {

// The last traceback is what ended the process: the interpreter's own exit status, and nothing said behind it.
[[nodiscard]] bool ended_by_traceback(const Facts& facts);

// The exception was raised by a `raise` in the user's own code.
[[nodiscard]] bool raised_by_user(const text::Traceback& traceback);

}  // namespace segwhy
