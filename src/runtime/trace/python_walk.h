// The Python frames of the calling thread, read from its own interpreter state.
//
// Only a state that is provably the thread's own is read (it names the thread that it was made on), so its frames do
// not change while they are walked, whether or not the thread holds the GIL. Every word is loaded under guard: the
// state may be damaged, or freed by an interpreter that has ended. Async-signal-safe, thread-safe, no malloc.
#pragma once

#include <stdint.h>

#include "evidence/wire/stacks.h"

namespace segwhy::runtime::trace {

struct PythonFrame {
  uint64_t code;  // address of the code object
  // Of the code object's line table and name: with the address they tell it from an earlier one at the same place.
  uint64_t line_table, name;
  int32_t instruction;  // byte offset in the bytecode
};

struct PythonStack {
  PythonFrame frames[wire::kMaxPythonFrames];
  uint32_t count = 0;
  uint16_t flags = 0;  // wire::kStackPythonCut, wire::kStackPythonUnreadable
};

void walk_python(PythonStack& out);

// A frame of a code object that has not begun. False: there is no interpreter, or that is no code object.
[[nodiscard]] bool frame_of_code(const void* code, PythonFrame& out);

// The same, a frame at a time, for who looks for one frame among many. Innermost first.
class PythonWalk {
 public:
  enum class Step : uint8_t { kFrame, kEnd, kUnreadable };

  PythonWalk();
  // A frame of the interpreter's own is passed over. `out` is only good after kFrame.
  [[nodiscard]] Step next(PythonFrame& out);

 private:
  uint64_t frame_ = 0;  // the next to be read
  uint32_t passed_over_ = 0;
  bool broken_ = false;  // the chain ends in what is no frame
};

}  // namespace segwhy::runtime::trace
