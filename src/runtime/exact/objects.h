// Objects in exact mode: blocks that are no tensors. Of a program with Python, the vectors and buffers that kernels
// allocate with operator new; of any other, all that its own code and its libraries allocate, the C library aside.
//
// There are far too many of them to watch all: a few blocks of each place that allocates are, the first ones, and then
// ever fewer. With Python it begins with the first tensor (what was set up before is no kernel's); libstdc++'s operator
// new calls malloc, which is how they are recognised. Thread-safe; errno is never touched.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/heap/tensors.h"

namespace segwhy::runtime::exact {

namespace internal {
// The code whose blocks may be objects; empty until they are watched.
extern uintptr_t object_code_begin;
extern size_t object_code_bytes;
}  // namespace internal

// True when an allocation that returns to `return_address` is for an object that may be watched.
[[nodiscard]] inline bool allocates_object(const void* return_address) {
  return reinterpret_cast<uintptr_t>(return_address) - internal::object_code_begin < internal::object_code_bytes;
}

// Once exact mode runs: in a program without an interpreter, which starts no other programs, begins to watch objects at
// once.
void begin_with_program();

// At every tensor's allocation: begins to watch objects, once libstdc++ is there.
void begin_with_objects();

// Null: not this one.
[[nodiscard]] void* allocate_object(size_t size, const heap::Caller& caller);

}  // namespace segwhy::runtime::exact
