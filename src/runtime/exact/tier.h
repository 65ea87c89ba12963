// Exact mode as a tier of the heap (heap/heap.h): which blocks it takes, and what the malloc family asks of them.
//
// Thread-safe, errno is never touched. While exact mode is off, every allocation is refused and no block is owned.
#pragma once

#include "runtime/exact/exact.h"
#include "runtime/heap/tensors.h"

namespace segwhy::runtime::exact {

// Null: the next tier is to serve it.
[[nodiscard]] void* allocate_watched(const heap::Request& request, const heap::Caller& caller);

// `block` is owned (owns()). Ends the program, as the C library would, when no live block begins there.
void release_watched(void* block, const heap::Caller& caller);

}  // namespace segwhy::runtime::exact
