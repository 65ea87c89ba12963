// What CPython says: tracebacks, Py_FatalError's text and faulthandler's stacks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "diagnose/messages/lines.h"

namespace segwhy::text {

struct TracebackFrame {
  std::string file, function, source;
  int line = 0;
  std::uint64_t repeated = 0;  // "[Previous line repeated N more times]"
};

struct Traceback {
  std::vector<TracebackFrame> frames;         // outermost first, as printed
  std::string type;                           // "ValueError", "numpy.core._exceptions._ArrayMemoryError"
  std::string message;                        // may span lines
  bool in_thread = false;                     // of a thread other than the main one: does not end the process
  bool ignored = false;                       // "Exception ignored in": does not end it either
  bool chained = false;                       // raised during the handling of, or from, the one before in the list
  std::size_t first_line = 0, last_line = 0;  // in the text
  std::size_t exception_line = 0;             // that names the type
};

// `  File "x", line 3, in f` of a traceback, `  File "x", line 3 in f` of faulthandler; nullopt for any other line.
[[nodiscard]] std::optional<TracebackFrame> traceback_frame(std::string_view line);

// All of them, in order.
[[nodiscard]] std::vector<Traceback> find_tracebacks(const Lines& lines);

// The innermost line is a `raise`: whoever wrote it chose the type and the words.
[[nodiscard]] bool raised_by_statement(const Traceback& traceback);

// Exception class without its module.
[[nodiscard]] std::string_view exception_name(const Traceback& traceback);

struct PythonFatal {
  std::string function;  // that found the fault; empty on 3.8 and earlier
  std::string message;
  std::string state;  // "initialized", "finalizing"...; empty when not printed
  std::string text;
};

// The last "Fatal Python error" that is Py_FatalError's own: faulthandler prints the same words for a signal.
[[nodiscard]] std::optional<PythonFatal> find_python_fatal(const Lines& lines);

// The stack faulthandler (or Py_FatalError) printed for the current thread, innermost first.
[[nodiscard]] std::vector<TracebackFrame> find_fault_stack(const Lines& lines);

}  // namespace segwhy::text
