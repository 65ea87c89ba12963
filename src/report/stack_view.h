// The merged stack of a thread as rows to print: what the interpreter does for itself counted, not listed, and
// recursion shown once with its count. Pure, thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "evidence/model/case.h"
#include "report/page.h"

namespace segwhy::report {

struct StackRow {
  enum class Kind {
    kPython,
    kNative,
    kInterpreter,  // `count` native frames left out by the merge
    kAbort,        // `count` frames of how libc raises SIGABRT
    kRepeats,      // the `period` rows above come `count` more times
    kNotKept       // `count` frames beyond what was captured
  };
  Kind kind = Kind::kNative;
  const PythonFrame* python = nullptr;
  const NativeFrame* native = nullptr;
  std::size_t count = 0;
  std::size_t period = 0;

  friend bool operator==(const StackRow& a, const StackRow& b);  // the same place in the code
};

// Rows, innermost first; pointers go into `thread`. With `expand` the interpreter's frames are rows of their own and
// nothing is collapsed but recursion.
[[nodiscard]] std::vector<StackRow> stack_rows(const Thread& thread, bool expand);

struct StackStyle {
  std::size_t width = 88;  // columns for a row
  bool unicode = true;
  bool whole = false;    // names and paths in full, wrapped instead of cut
  std::string cwd = {};  // paths inside it are shown relative
};

// One item per row, ranked: the user's frames stay longest, then the innermost, then the rest.
[[nodiscard]] std::vector<Item> stack_items(const std::vector<StackRow>& rows, const StackStyle& style);

}  // namespace segwhy::report
