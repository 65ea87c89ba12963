// Slots with accessible pages, from the stock of freed ones or fresh, and the revocation of those whose block was
// freed. Thread-safe; called from a signal handler inside itself it yields nothing (see OwnerLock).
#pragma once

#include "runtime/heap/arena.h"

namespace segwhy::runtime::heap {

// A busy slot whose last pages are accessible.
struct Place {
  SlotRef slot;
  bool used_before;  // its pages hold what the last block left
};

enum class PlaceResult { kDone, kNone, kReentered };

[[nodiscard]] PlaceResult take_place(uint32_t region, uint32_t pages, Place& out);

// Makes the pages of a freed block's slot, which is busy, inaccessible: moved on to the next block's, or given back.
void revoke_place(SlotRef slot);

[[nodiscard]] wire::Tactic tactic_of(SlotRef slot);

// The first of the last `pages` pages of a slot's data.
[[nodiscard]] inline uintptr_t pages_begin(SlotRef slot, uint64_t pages) {
  return slot_data_end(slot) - pages * kPageBytes;
}

// For the thread that has the slot busy: others look at it from now on.
inline void set_state(SlotRef slot, SlotState state) {
  __atomic_store_n(&slot_at(slot).state, state, __ATOMIC_RELEASE);
}

}  // namespace segwhy::runtime::heap
