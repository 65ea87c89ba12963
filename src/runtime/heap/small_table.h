// Which of the C library's blocks are checked by canaries, by their address (wire/small_blocks.h). Lock-free,
// async-signal-safe, thread-safe: an address belongs to the thread that allocates or frees it.
#pragma once

#include "evidence/wire/small_blocks.h"

namespace segwhy::runtime::heap {

// The entry of a block; null: it has none.
struct SmallRef {
  uint64_t* address;
  wire::SmallBlock* block;

  explicit operator bool() const { return block != nullptr; }
};

[[nodiscard]] wire::SmallTable* small_table();

// A new entry for the block at `address`, of state kBlockNever until the caller has filled it. Empty: no room.
[[nodiscard]] SmallRef add_small(uintptr_t address);
[[nodiscard]] SmallRef find_small(const void* address);
// The entry, which the caller owns, is free again.
void remove_small(SmallRef ref);

// The live block that `address` lies inside of; empty: none is known, or not all blocks are. Slow: for errors.
[[nodiscard]] SmallRef find_small_around(const void* address);

// What findings say of it.
[[nodiscard]] wire::BlockRecord record_of(SmallRef ref);

}  // namespace segwhy::runtime::heap
