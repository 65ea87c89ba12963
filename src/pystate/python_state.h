// The interpreter's state read out of process: version, threads, frames, GIL. No Python.h: offsets come from one
// generated table (3.8 to 3.12) or from the interpreter's own _Py_DebugOffsets (3.13 and later).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "evidence/model/case.h"
#include "evidence/model/snapshot.h"

namespace segwhy {

struct PythonThread {
  int tid = 0;                      // of the native thread that owns this state; 0 when not found
  std::vector<PythonFrame> frames;  // innermost first; `origin` and `source` filled
  std::uint64_t depth = 0;          // frames seen, kept or not
  bool holds_gil = false;
};

struct PythonState {
  std::string version;  // "3.8.18"
  std::optional<bool> finalizing;
  std::vector<PythonThread> threads;
  std::vector<std::string> notes;  // what could not be read and why, a sentence each
};

struct PythonLimits {
  std::uint32_t innermost = 96;
  std::uint32_t outermost = 32;
  std::uint32_t count_up_to = 1000000;
  std::uint32_t constants_of = 8;  // innermost frames of each thread whose string constants are kept
  // Where a relative file name is looked for, the first match wins: the folder that the program was started in, then
  // its current one. Such names are usual for scripts up to 3.8.
  std::vector<std::string> directories;
};

// An error when the process is not Python, or of a version or build that is not supported (the message says which).
[[nodiscard]] Result<PythonState> read_python_state(const Snapshot& snapshot, const PythonLimits& limits = {});

// Interleaves t.python and t.native into t.merged, innermost first: each native evaluation frame stands for the Python
// frames it ran; interpreter internals are left out. Pure.
void merge_stacks(Thread& t);

}  // namespace segwhy
