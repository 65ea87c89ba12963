// The block that an access is meant for, by its first byte: the one it lies in, or else the nearest.
//
// Lock-free, async-signal-safe, thread-safe: the answer is about a moment that may be over when it is used, as it is
// for any access that another thread's free races with.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "evidence/wire/blocks.h"

namespace segwhy::runtime::heap {

struct NearBlock {
  wire::BlockRecord record;  // state kBlockNever: allocated before the fork, its history is the parent's
  uintptr_t address;
  size_t size;
  bool live;

  [[nodiscard]] uintptr_t end() const { return address + size; }
  [[nodiscard]] bool holds(uintptr_t begin, size_t bytes) const {
    return live && begin >= address && begin <= end() && bytes <= end() - begin;
  }
};

// False: no block is known there. Of the blocks with a canary (small.h) only those that begin at `address` are.
[[nodiscard]] bool find_near_block(uintptr_t address, NearBlock& out);

}  // namespace segwhy::runtime::heap
