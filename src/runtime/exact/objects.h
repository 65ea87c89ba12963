// C++ objects in exact mode: the vectors and buffers that kernels allocate with operator new.
//
// There are far too many of them to watch all, so it begins with the first tensor (what was set up before is no
// kernel's), and watches a few blocks of each place that allocates: the first ones, and then ever fewer. libstdc++'s
// operator new calls malloc, which is how they are recognised. Thread-safe; errno is never touched.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/heap/tensors.h"

namespace segwhy::runtime::exact {

namespace internal {
// The code that operator new is in; empty until objects are watched.
extern uintptr_t object_code_begin;
extern size_t object_code_bytes;
}  // namespace internal

// True when a malloc that returns to `return_address` is for a C++ object that may be watched.
[[nodiscard]] inline bool allocates_object(const void* return_address) {
  return reinterpret_cast<uintptr_t>(return_address) - internal::object_code_begin < internal::object_code_bytes;
}

// At every tensor's allocation: begins to watch objects, once libstdc++ is there.
void begin_with_objects();

// Null: not this one.
[[nodiscard]] void* allocate_object(size_t size, const heap::Caller& caller);

}  // namespace segwhy::runtime::exact
