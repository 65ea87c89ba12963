// The way out of the arena, for a program that limits its own address space (setrlimit, prlimit) below what is
// reserved: what holds no block is given back to the system, at once and for good, and new blocks are the C library's.
// Blocks that live stay where they are, behind their guards, until they are freed; then their place is given back, too.
//
// Thread-safe. Where it interrupted the heap (a signal handler), the region in question keeps what it has.
#pragma once

#include "runtime/heap/arena.h"
#include "runtime/pal/atomic.h"

namespace segwhy::runtime::heap {

// Before `limit` bytes become the process's soft limit on address space or data. Does nothing where the reservation is
// small enough for such a limit.
void retreat_below(uint64_t limit);

[[nodiscard]] inline bool has_retreated() {
  return pal::load(arena().retreated);
}

// Of a freed block, whose slot the calling thread has busy: the system may map other things there from now on.
void give_back_place(SlotRef slot);

}  // namespace segwhy::runtime::heap
