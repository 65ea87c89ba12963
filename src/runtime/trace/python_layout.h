// The interpreter in this process: where it keeps what is read of it. Found once, by its exported symbols; nothing of
// CPython's headers is compiled in.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "evidence/wire/python_layout.h"

namespace segwhy::runtime::trace {

using Field = wire::PythonField;

struct Python {
  int minor;  // of CPython 3.minor
  // PyGILState_GetThisThreadState: reads a thread-specific value and nothing else; no lock, no allocation.
  void* (*this_thread_state)();
  uintptr_t code_type, str_type, bytes_type;  // addresses of PyCode_Type...
  uint32_t offsets[wire::kPythonFields];
  uintptr_t code_begin, code_end;  // of the object that the interpreter is in; equal: not known

  [[nodiscard]] bool has(Field field) const { return (*this)[field] != kAbsent; }
  [[nodiscard]] bool holds_code(const void* address) const {
    return reinterpret_cast<uintptr_t>(address) - code_begin < code_end - code_begin;
  }
  [[nodiscard]] uint32_t operator[](Field field) const { return offsets[static_cast<unsigned>(field)]; }

  static constexpr uint32_t kAbsent = 0xffffffff;
};

// Null until find_python() (stacks.h) has found one whose layout is known. Async-signal-safe.
[[nodiscard]] const Python* python();

}  // namespace segwhy::runtime::trace
