// Stack interning: a small number for "who called this", native and Python, cheap enough for every malloc and free.
//
// The whole of the native and Python stack (as deep as it is kept) is what two stacks are told apart by, so an id never
// stands for a stack that only looked alike. Native frames are walked by the modules' own call frame information,
// decoded once per code address (rules.h); Python frames are read from the thread's own interpreter state. A stack is
// written to the process's StackSection when it is first seen.
//
// All of it: async-signal-safe, thread-safe, lock-free, no malloc, errno kept, no thread-local storage, bounded in
// time; works in threads that Python does not know. Without a section everything returns 0.
#pragma once

#include <stdint.h>
#include <ucontext.h>

#include "evidence/wire/stacks.h"

namespace segwhy::runtime::trace {

// Looks at the loaded libraries: for their unwind information, and for an interpreter. Not async-signal-safe (dlsym):
// call it at load, before the first use_stacks(), and again after a dlopen; not in a forked child.
void find_python();

// Where stacks go from now on; null: nowhere. To be called when the process's area is mapped, and in a forked child
// with its own, before its first intern_stack(). The section outlives the process's use of it.
void use_stacks(wire::StackSection* section);

// The stack of a function that the program called. Both arguments are taken in that very function (the exported
// malloc, free...), which thereby keeps a frame pointer:
//   intern_stack(__builtin_return_address(0), __builtin_frame_address(0))
// so that frame[0] is the caller's rbp and frame[1] the return address. 0: unknown (no section, or no room in it).
uint32_t intern_stack(const void* return_address, const void* frame);

// The calling thread's Python frames alone.
uint32_t intern_python_stack();

// A stack of one frame: that of a code object, before its first instruction. `code` is alive.
uint32_t intern_code(const void* code);

// The stack of interrupted code, from inside a signal handler on whatever stack.
uint32_t intern_stack(const ucontext_t& interrupted);

}  // namespace segwhy::runtime::trace
