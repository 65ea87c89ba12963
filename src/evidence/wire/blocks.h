// Blocks of the heap and what was found wrong with them, in the flight recorder (wire/recorder.h).
//
// The address space of protected blocks is divided into regions of equal slots. Slot k of a region is
// [base + k * stride, base + (k+1) * stride), holds at most one block at a time, and its block is described by
// record first_record + k of the table. The last page of each slot is its guard; the page before a block is the guard
// of the slot before, or a page of its own slot that nothing populates. So any address in a region leads to a record
// by arithmetic, and an address outside of the block to a distance.
//
// A record is written by the thread that allocates or frees. `state` is written last. A reader in another process may
// still see a record half way between two lives: `sequence` changes with each life, read it before and after.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace segwhy::wire {

enum BlockState : uint8_t {
  kBlockNever = 0,  // the slot has not been used yet
  kBlockLive = 1,
  kBlockFreed = 2,        // freed, its pages are still accessible: they go with the next batch
  kBlockQuarantined = 3,  // freed and inaccessible
  kBlockLost = 4,         // freed, and its slot given back: what lies there is another's
};

enum BlockKind : uint8_t {
  kBlockAligned = 0,  // alignment of 32 or more: tensors
  kBlockLarge = 1,    // large, with the alignment of malloc: arrays, tables
  kBlockSmall = 2,    // any other (--protect all)
};

enum BlockFlag : uint8_t {
  kBlockZeroed = 1,       // by calloc
  kBlockReallocated = 2,  // its size or place was changed by realloc
  kBlockFromParent = 4,   // allocated before the fork, freed in this process
};

struct BlockRecord {
  uint64_t address;
  uint64_t size;              // as requested
  uint32_t allocation_stack;  // 0: not known
  uint32_t free_stack;
  uint32_t allocating_tid;
  uint32_t freeing_tid;
  uint64_t allocated_ticks;
  uint64_t freed_ticks;
  uint32_t sequence;  // +1 with each life of the slot
  uint32_t after;     // bytes of canary behind the last byte
  uint8_t state;      // atomic, BlockState
  uint8_t kind;       // BlockKind
  uint8_t flags;      // BlockFlag
  uint8_t alignment_log2;
  uint32_t pages;  // that held it
};
static_assert(sizeof(BlockRecord) == 64);

struct Region {
  uint64_t base;
  uint64_t stride;  // bytes per slot, the guard included
  uint64_t guard;   // bytes of it at the slot's end
  uint32_t slots;   // 0: unused entry
  uint32_t first_record;
};

inline constexpr uint32_t kMaxRegions = 96;

// kSectionBlocks. `record_count` BlockRecords follow.
struct BlockTable {
  uint64_t record_count;
  uint64_t reserved;
  Region regions[kMaxRegions];
  uint8_t padding[4096 - 16 - kMaxRegions * sizeof(Region)];
};
static_assert(sizeof(BlockTable) == 4096);

// A former life of a slot that was used again.
struct PastLife {
  uint64_t address;
  uint32_t size;  // kSizeSaturated: that or more
  uint32_t allocation_stack;
  uint32_t free_stack;
  uint32_t freeing_tid;
  uint64_t freed_ticks;
};
static_assert(sizeof(PastLife) == 32);
inline constexpr uint32_t kSizeSaturated = 0xffffffff;

// kSectionPastLives: a ring of `capacity` PastLife entries, which follow; entry n of all that were ever written is at
// n % capacity.
struct PastLives {
  uint64_t written;  // atomic
  uint64_t capacity;
  uint64_t reserved[2];
};

enum FindingKind : uint32_t {
  kFindingWriteBehind = 1,     // the canary behind a block was overwritten
  kFindingWriteBefore = 2,     // the one before it
  kFindingWriteAfterFree = 3,  // a freed block's fill was overwritten
  kFindingDoubleFree = 4,
  kFindingInvalidFree = 5,     // not the address of a block: inside one, or in a guard
  kFindingMismatchedFree = 6,  // new, new[] and malloc mixed up
  kFindingCallRead = 7,        // a system call read from outside of the block, or from a freed one
  kFindingCallWrite = 8,       // and one wrote there
};

inline constexpr uint32_t kFindingBytes = 16;

// Something that is certainly wrong, noticed by the runtime. Late ones (canaries, fill) happened between
// last_good_ticks and found_ticks; the others at found_ticks.
struct Finding {
  uint32_t complete;  // atomic; 1: written
  uint32_t kind;      // FindingKind
  uint32_t record;    // index+1 in BlockTable, 0: no block known
  uint32_t stack;     // of the finding call (a free, a read); 0: not known
  uint32_t tid;
  uint32_t byte_count;   // bytes valid in `expected` and `seen`
  uint64_t address;      // the first wrong byte, or the pointer that was passed to free
  int64_t offset;        // from the block's first byte
  uint64_t wrong_bytes;  // how many in all
  uint64_t found_ticks;
  uint64_t last_good_ticks;
  uint8_t expected[kFindingBytes];
  uint8_t seen[kFindingBytes];
  BlockRecord block;  // as it was then; the record may live on
  uint64_t pc;        // of kFindingCall...: the function that makes the system call; else 0
  uint32_t repeats;   // atomic; further ones by the same place in the program
  uint32_t reserved;
};
static_assert(sizeof(Finding) == 176);

inline constexpr uint32_t kMaxFindings = 256;

// In CrashRecord::access_finding: the finding that the process waits with is one of this table, not of exact mode's.
inline constexpr uint32_t kHeapFinding = 1u << 31;

// kSectionFindings. The first kMaxFindings are kept.
struct Findings {
  uint32_t count;  // atomic; may exceed kMaxFindings
  uint32_t reserved[15];
  Finding entries[kMaxFindings];
};

}  // namespace segwhy::wire
