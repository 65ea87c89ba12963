// The native stack of the calling thread, walked by call frame information that is decoded once per code address.
//
// A walk ends at the thread's first frame, at Python's evaluation loop (Python's own frames tell the rest), at code
// without usable information, or at kMaxNativeFrames. It never faults: stack words are loaded under guard. A return
// address is believed only where a call instruction stands before it. Async-signal-safe, thread-safe, lock-free.
//
// The decoded rules live as long as the process. A library that is unloaded and another loaded at its address would be
// walked by stale rules: the frames found then still had to stand behind calls, but may be wrong.
#pragma once

#include <stdint.h>

#include "evidence/wire/stacks.h"

namespace segwhy::runtime::trace {

// The caller's state at one point of execution.
struct NativeState {
  uintptr_t pc;
  uintptr_t sp;  // its stack pointer (for a return address: just above the slot it was in)
  uintptr_t rbp;
  bool exact;  // pc is being executed; else a call returns to it
};

struct NativeStack {
  uint64_t pcs[wire::kMaxNativeFrames];
  uint32_t count = 0;
  bool cut = false;  // there are more frames than these
};

void walk_native(NativeState from, NativeStack& out);

// Where the walk ends: the address of _PyEval_EvalFrameDefault, 0 for none.
void set_interpreter_function(uintptr_t function);

}  // namespace segwhy::runtime::trace
