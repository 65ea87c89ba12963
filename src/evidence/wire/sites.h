// Live memory by call site, in the flight recorder (wire/recorder.h): who holds how much, whatever is guarded.
//
// A site is one stack (wire/stacks.h). Blocks of `account_bytes` and more are counted one by one. Smaller ones are
// sampled: each byte that is allocated has the chance 1 / account_bytes to select its block, and a block that was
// selected stands for as many blocks and bytes as it takes for the sums to be right on average. Which blocks are
// counted is known to the process alone.
//
// Sites are appended, never removed; site 0 is that of stacks that are not known. A forked child begins with an empty
// table: what it got from its parent is told by the parent's as it was at the fork.
//
// All counters are atomic, and may be seen between two that belong together. The reader must treat them as hostile.
// Zero bytes are a valid, empty table.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace segwhy::wire {

struct SiteRecord {
  uint32_t stack;     // written last; 0: site 0, or a place that nobody uses
  uint32_t mappings;  // of the blocks ever counted here, those that were mapped (mmap) rather than allocated
  uint64_t live_bytes;
  uint64_t live_blocks;
  uint64_t total_bytes;  // since the start
  uint64_t total_blocks;
  uint64_t largest;       // bytes of one block
  uint64_t latest_ticks;  // of the last block that was counted for itself, 0: none was
  uint64_t latest_size;
};
static_assert(sizeof(SiteRecord) == 64);

// kSectionSites. `capacity` SiteRecords follow.
struct SiteTable {
  uint64_t account_bytes;  // as in Session; 0: there is no account
  uint32_t capacity;
  uint32_t count;          // atomic; places taken, site 0 included; may exceed `capacity`
  uint64_t lost_blocks;    // that should have been counted and were not: no room
  uint64_t refused_count;  // requests that the heap behind could not serve
  uint64_t refused_bytes;  // the last of them
  uint64_t refused_ticks;
  uint32_t refused_stack;
  uint32_t reserved;
  uint64_t padding[1];
};
static_assert(sizeof(SiteTable) == 64);

}  // namespace segwhy::wire
