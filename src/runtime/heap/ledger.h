// What the heap writes to the flight recorder: the life of each block, findings, counts. Everything here does nothing
// where there is no area. Async-signal-safe; a record is written by the thread that has its slot busy.
#pragma once

#include "evidence/wire/blocks.h"
#include "evidence/wire/recorder.h"

namespace segwhy::runtime::heap {

// What a new block's record says beside time and thread.
struct NewBlock {
  uint64_t address;
  uint64_t size;
  uint64_t alignment;
  uint32_t stack;
  uint32_t pages;
  uint32_t after;  // bytes of canary
  wire::BlockKind kind;
  uint8_t flags;
};

void note_allocation(uint32_t slot, const NewBlock& block);
void note_resize(uint32_t slot, uint64_t size, uint32_t after);
// `address` and `size` for a block from before the fork, of which this process's area does not know.
void note_free(uint32_t slot, uint32_t stack, uint64_t address, uint64_t size);
void note_quarantine(uint32_t slot, bool inaccessible);

void count_unprotected(wire::UnprotectedReason reason);

// A wrong thing that was seen, to be completed with time and thread.
struct Wrong {
  wire::FindingKind kind;
  uint32_t slot;  // index of the block's slot
  uint32_t stack;
  uint64_t address;
  uint64_t count;       // of wrong bytes
  const uint8_t* seen;  // the first wrong bytes, null: none
  const uint8_t* expected;
  uint32_t byte_count;
  uint64_t last_good_ticks;  // 0: the wrong thing happened now
};
void report_wrong(const Wrong& wrong);

// The canary or fill from `at`, the first wrong byte, to `end`, of which at least that byte was overwritten since it
// was planted.
void report_overwritten(uint32_t slot, wire::FindingKind kind, uint32_t stack, uintptr_t at, uintptr_t end);

}  // namespace segwhy::runtime::heap
