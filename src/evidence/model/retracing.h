// Functions that a framework traced more than once, as a Case holds them (case.h says how the fields are listed).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace segwhy {

// What told a trace from the one before it.
struct TraceDifference {
  std::string kind;           // "number", "text", "shape", "dtype", "type", "object", "arguments", "function"
  std::string argument;       // its name; empty with "arguments" and "function"
  std::uint64_t count = 0;    // of traces
  std::string before, after;  // the last two values

  template <class V>
  void fields(V& v) {
    v("kind", kind), v("argument", argument), v("count", count), v("before", before), v("after", after);
  }
};

// A function with all its traces; one of a library's, only those that one line of the program's led to.
struct TracedFunction {
  std::string function;
  std::string file;
  std::optional<int> line;  // where it is defined
  bool library = false;     // it is not the program's own
  std::string call_file;    // the program's line that had it traced last
  std::optional<int> call_line;
  std::uint64_t traces = 0;
  std::uint64_t compared = 0;                // traces of which the arguments and those of the one before are known
  std::uint64_t late = 0;                    // traces in the last third of the time from the first one to the end
  double first_s = 0, last_s = 0;            // since the start of the run
  std::vector<TraceDifference> differences;  // the most frequent first
  std::optional<std::uint64_t> line_bytes;   // what the calling line holds, for these traces or else

  template <class V>
  void fields(V& v) {
    v("function", function), v("file", file), v("line", line), v("library", library), v("call_file", call_file);
    v("call_line", call_line), v("traces", traces), v("compared", compared), v("late", late), v("first_s", first_s);
    v("last_s", last_s), v("differences", differences), v("line_bytes", line_bytes);
  }
};

}  // namespace segwhy
