// Small blocks that are checked by canaries (--protect all), in the flight recorder (wire/recorder.h).
//
// They are the C library's own blocks, a few bytes larger than asked for; what is known of them lies here, found by
// their address: bucket hash(address) holds up to eight. A block that finds no room in its bucket is not checked.
//
// `state` is written last when a block comes, first when it goes. A reader in another process may see an entry between
// two lives; it must not trust a byte.
#pragma once

#include <stdint.h>

#include "evidence/wire/blocks.h"

namespace segwhy::wire {

struct SmallBlock {
  uint32_t size;              // as requested
  uint32_t allocation_stack;  // 0: not known
  uint32_t free_stack;
  uint32_t allocating_tid;
  uint32_t freeing_tid;
  uint32_t allocated_ticks;  // >> kSmallTicksShift
  uint32_t freed_ticks;
  uint32_t state;  // atomic, BlockState: never, live, or freed (in quarantine)
};
static_assert(sizeof(SmallBlock) == 32);

inline constexpr uint32_t kSmallTicksShift = 20;
inline constexpr uint32_t kSmallBucketBlocks = 8;

struct SmallBucket {
  uint64_t addresses[kSmallBucketBlocks];  // atomic; 0: free entry
  SmallBlock blocks[kSmallBucketBlocks];
};
static_assert(sizeof(SmallBucket) == 320);

// kSectionSmallBlocks. `bucket_count` SmallBuckets follow.
struct SmallTable {
  uint64_t bucket_count;
  uint64_t checked_blocks;  // atomic; since the beginning
  uint64_t checked_bytes;   // atomic
  uint64_t no_room;         // atomic; blocks that are not checked for want of it
  uint64_t reserved[4];
};
static_assert(sizeof(SmallTable) == 64);

}  // namespace segwhy::wire
