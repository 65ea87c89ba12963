// Freed small blocks, filled, until others have been freed after them: what is written to one in between is found when
// it leaves. Bounded in number and bytes; thread-safe; several queues, so that threads seldom wait for each other.
//
// Private memory: a forked child has its parent's blocks in it and gives them back like its own.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace segwhy::runtime::heap {

// Once, at load, before any other function. False: no memory for it.
[[nodiscard]] bool prepare_quarantine();

struct FreedBlock {
  uintptr_t address;
  size_t size;  // of the fill
};

// What has to leave for it; `leaving` has room for kMostLeaving. -1: called from a signal handler inside itself, the
// block was not taken.
inline constexpr int kMostLeaving = 64;
[[nodiscard]] int quarantine(const FreedBlock& block, FreedBlock* leaving);

// Calls `look` for each block that waits.
void look_at_quarantined(void (*look)(const FreedBlock&));

void lock_quarantine();
void unlock_quarantine();

}  // namespace segwhy::runtime::heap
