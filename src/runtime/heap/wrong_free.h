// Frees of what may not be freed: they are noted, and end the program as the C library would.
#pragma once

#include "runtime/heap/ledger.h"
#include "runtime/heap/tensors.h"

namespace segwhy::runtime::heap {

struct WrongFree {
  wire::FindingKind kind;
  const wire::BlockRecord* block;  // null: no block is known there
  uint32_t stack;
  uintptr_t address;
};

[[noreturn]] void die_of_wrong_free(const WrongFree& wrong);

// `block` is none that the small tier knows. Ends the program when it lies inside one that is; notes that it is on the
// caller's stack or in a loaded object, and leaves it to the C library to refuse it.
void refuse_stray_free(const void* block, const Caller& caller);

}  // namespace segwhy::runtime::heap
