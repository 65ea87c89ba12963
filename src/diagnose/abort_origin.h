// Whose abort it was, told by the stack: what the program printed is believed only as far as the stack agrees.
//
// A log line proves nothing about the end: programs relay the logs of others, and print the errors they survive. Pure
// and thread-safe.
#pragma once

#include "diagnose/facts.h"
#include "diagnose/verdict.h"

namespace segwhy {

enum class AbortOrigin {
  kUnknown,      // no stack, or none of the below: code that called abort() itself, or whose plumbing has no names
  kTerminate,    // the C++ runtime: std::terminate and what leads to it
  kFatalLog,     // a logging library's fatal message
  kInterpreter,  // Py_FatalError
  kLibc,         // the C library's own checks
  kRequested     // the program asked for it: os.abort(), abort() through ctypes, a SIGABRT that was sent
};

[[nodiscard]] AbortOrigin abort_origin(const Facts& facts);

// How far words that `proof` would print may be believed: certain when the stack shows it, possible when the program
// asked for the abort, likely in between.
[[nodiscard]] Confidence belief_in_words(const Facts& facts, AbortOrigin proof);

// `confidence`, but no more than possible when the program asked for the abort.
[[nodiscard]] Confidence unless_requested(const Facts& facts, Confidence confidence);

}  // namespace segwhy
