// The watched blocks: where they lie, which are live, which were freed and are kept watched.
//
//   [guard page] [pages of a block] [guard page] [pages of the next] ...
//
// Each block has pages of its own, so that it can be watched, opened and kept after its end by itself. A freed block
// stays in quarantine, oldest recycled first. Changes are serialised by a lock that is held with signals blocked;
// what the fault handler asks is answered without it.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "evidence/wire/accesses.h"

namespace segwhy::runtime::exact {

inline constexpr uint32_t kNoBlock = 0xffffffff;

struct Bounds {
  uintptr_t address;
  size_t size;
  bool live;

  [[nodiscard]] uintptr_t end() const { return address + size; }
};

// Maps the tables. `table` is the section to publish to; null: none. False when memory is short.
[[nodiscard]] bool prepare_blocks(wire::AccessTable* table, uint32_t access_budget, size_t quarantine_bytes);

// A watched block; null when there is no room. `budget` 0: the default one.
[[nodiscard]] void* allocate_block(size_t size, size_t alignment, uint32_t stack, uint32_t budget);

enum class Freed { kFreed, kTwice, kNotABlock };
Freed free_block(void* address, uint32_t stack);

// The live block that begins at `address`, or kNoBlock.
[[nodiscard]] uint32_t block_at(const void* address);

// True when blocks lie or lay there, or the guard of one.
[[nodiscard]] bool is_used_page(uintptr_t address);

// The block nearest to `address`, in whose pages or guard it lies; kNoBlock when none is known there (any more).
[[nodiscard]] uint32_t nearest_block(uintptr_t address);

// Of a block as it is now.
[[nodiscard]] Bounds bounds_of(uint32_t block);

// The bytes of the block at `address`, if one is there, count as written from now on (written.h).
void note_block_written(uintptr_t address);

// Counts an access. True when the block has had as many as it is watched for.
[[nodiscard]] bool count_access(uint32_t block);

// Makes the block's pages accessible until it is freed and recycled.
void open_block(uint32_t block, wire::WatchEnd reason);

// The same for a page that belongs to no block any more.
void open_page(uintptr_t address);

// What the monitor reads about it; null without a section.
[[nodiscard]] wire::WatchedBlock* published(uint32_t block);
[[nodiscard]] wire::AccessTable* access_table();

// Around fork(): nothing changes in between. `copy` receives the contents of all live blocks when it is not 0.
void lock_blocks();
void copy_live_blocks(uintptr_t copy);
void unlock_blocks();

// In the child, instead of unlock_blocks(), its views being new and wholly watched: `table` is its own section.
void adopt_blocks(wire::AccessTable* table);

}  // namespace segwhy::runtime::exact
