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
void note_loss(uint32_t slot);

void count_unprotected(wire::UnprotectedReason reason);

// The record of a slot; null: there is none.
[[nodiscard]] const wire::BlockRecord* block_record(uint32_t slot);

// The calling thread's id, for records.
[[nodiscard]] uint32_t current_tid();

// A wrong thing that was seen, to be completed with time and thread.
struct Wrong {
  wire::FindingKind kind;
  const wire::BlockRecord* block;  // null: none is known
  uint32_t stack;
  uint64_t address;
  uint64_t count;       // of wrong bytes
  const uint8_t* seen;  // the first wrong bytes, null: none
  const uint8_t* expected;
  uint32_t byte_count;
  uint64_t last_good_ticks;  // 0: the wrong thing happened now
  uint64_t pc;               // of the call that did it for the program; 0: none
};
// The index of the finding; wire::kMaxFindings and more: there is no room for it.
uint32_t report_wrong(const Wrong& wrong);

// The same wrong thing once more.
void count_repeat(uint32_t finding);

// Bytes from `at`, the first wrong one, to `end`, of which at least that one was overwritten since they were written.
struct Overwritten {
  const wire::BlockRecord* block;  // null: none is known
  wire::FindingKind kind;
  uint32_t stack;
  uintptr_t at, end;
};
// Of a canary, and of memory that held nothing but `fill`.
void report_overwritten(const Overwritten& bytes);
void report_filled(const Overwritten& bytes, uint8_t fill);

}  // namespace segwhy::runtime::heap
