// What exact mode saw: the blocks it watches, the last accesses to each of them, and the wrong ones. Section
// kSectionAccesses of the flight recorder (wire/recorder.h).
//
// Exact mode decodes every access to a watched block and knows its first byte and width, so an entry here is a fact,
// not an estimate: the instruction at `pc` did touch these bytes. The program went on afterwards; a wrong access
// touched the block's own slack or guard, never another block.
//
// A record is written by the thread that allocates, frees or accesses; `state` of the block and `complete` of a finding
// are written last. Two threads on one block may tear each other's log entries: readers check what they use.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "evidence/wire/blocks.h"
#include "evidence/wire/session.h"

namespace segwhy::wire {

enum AccessFlag : uint32_t {
  kAccessRead = 1,
  kAccessWrite = 2,
  kAccessBySystemCall = 4,  // the kernel did it for the program: `pc` is that of the system call
  kAccessOutOfBounds = 8,
  kAccessAfterFree = 16,
  kAccessUnwritten = 32,  // none of the bytes was ever written, and what was read decided something at once
};

struct Access {
  uint64_t pc;
  uint64_t ticks;
  int64_t offset;  // of the first byte touched, from the block's first byte
  uint64_t width;  // bytes; of a repeated string instruction, all of them
  uint32_t tid;
  uint32_t stack;  // interned; 0: not taken
  uint32_t flags;  // AccessFlag; 0: the entry is unused
  uint32_t reserved;
};
static_assert(sizeof(Access) == 48);

inline constexpr uint32_t kLoggedAccesses = 8;

enum WatchEnd : uint32_t {
  kWatched = 0,           // every access so far was seen
  kWatchBudget = 1,       // it had as many accesses as a block is watched for
  kWatchUnsupported = 2,  // an instruction touched it that exact mode cannot carry out
  kWatchStack = 3,        // it is used as a stack
};

struct WatchedBlock {
  BlockRecord block;
  uint64_t accesses;    // atomic; seen in this life of the record
  uint64_t open_begin;  // offsets of the pages in the middle of a large block, which are not watched
  uint64_t open_end;
  uint32_t watch_end;  // WatchEnd
  uint32_t reserved;
  Access log[kLoggedAccesses];  // access n is at n % kLoggedAccesses
};
static_assert(sizeof(WatchedBlock) == 96 + kLoggedAccesses * sizeof(Access));

struct AccessFinding {
  uint32_t complete;  // atomic; 1: written
  uint32_t record;    // index of the WatchedBlock
  uint32_t crash;     // index+1 of the CrashRecord of its hand-over, 0: none was free
  uint32_t repeats;   // atomic; further wrong accesses by the same instruction
  Access access;
  BlockRecord block;      // as it was then; the record may live on
  RegisterSet registers;  // at the instruction, before it
};
static_assert(sizeof(AccessFinding) == 16 + 48 + 64 + 184);

inline constexpr uint32_t kMaxAccessFindings = 128;

// Why exact mode is off although it was asked for.
enum ExactRefusal : uint32_t {
  kExactRunning = 0,
  kExactNotAsked = 1,
  kExactNoDecoder = 2,     // built without one
  kExactNoMemory = 3,      // address space or memory is too tight
  kExactNoExecutable = 4,  // the kernel refuses executable memory
  kExactNoFilter = 6,      // system calls on watched memory cannot be trapped
  kExactGaveUp = 5,        // too many mappings: the watched pages had to be opened
};

// The section's beginning. `block_count` WatchedBlocks follow.
struct AccessTable {
  uint32_t refusal;  // atomic, ExactRefusal
  uint32_t block_count;
  uint32_t finding_count;          // atomic; may exceed kMaxAccessFindings
  uint32_t system_calls;           // 1: system calls on watched memory are carried out and checked
  uint64_t view_base, view_bytes;  // the address range of watched blocks
  uint64_t alias_distance;         // from a watched address to where the same byte is accessible
  uint64_t accesses;               // atomic; all that were carried out
  uint64_t unsupported;            // atomic; instructions that ended the watching of a block
  uint64_t refused_blocks;         // atomic; offered, but there was no room
  uint64_t reserved[6];
  AccessFinding findings[kMaxAccessFindings];
};
static_assert(offsetof(AccessTable, findings) == 112);

}  // namespace segwhy::wire
