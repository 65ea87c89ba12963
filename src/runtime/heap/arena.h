// The reservation of address space in which protected blocks lie, and what is known of each slot of it.
//
// Made once, at load. A forked child keeps it: the blocks from before the fork stay where they are, and the child gets
// a userfaultfd of its own for the same memory (the parent's acts on the parent). Only the functions about making it
// need the only thread; the rest is thread-safe and async-signal-safe.
//
// Slots' states change under their region's lock, from and to kBusy only: who made a slot busy works on it alone, with
// the lock released.
#pragma once

#include "evidence/wire/recorder.h"
#include "runtime/heap/slots.h"
#include "runtime/pal/owner_lock.h"

namespace segwhy::runtime::heap {

enum class SlotState : uint8_t {
  kNever = 0,
  kBusy,     // between two states, with one thread
  kStocked,  // populated, waiting for the next block
  kLive,
  kQuarantined,  // freed and inaccessible
  kLost,         // what lies there is another's mapping, or nothing
};

// Private memory, not the flight recorder: a forked child must know its parent's blocks.
struct Slot {
  uint64_t address;  // of the block
  uint64_t size;     // as requested
  uint32_t pages;    // populated, up to the end of the slot's data
  SlotState state;
  bool revoke_at_once;  // when the block is freed
};

inline constexpr uint32_t kStockEntries = 32;

struct RegionState {
  pal::OwnerLock lock;
  uint32_t cursor;       // the slot to try next
  uint32_t stock_count;  // slots that wait populated, the last one warmest
  uint32_t stock[kStockEntries];
  uint64_t committed;  // leading bytes of the region that are ready for use
};

struct Arena {
  uintptr_t base;  // 0: there is none
  Layout layout;
  Slot* slots;
  RegionState regions[kRegions];
  long userfault;  // descriptor, negative: none
  wire::Tactic exact_tactic, large_tactic;
  bool retreated;  // atomic: no slot is taken any more, and what holds no block is given back (retreat.h)
};

namespace internal {
extern Arena the_arena;
}

[[nodiscard]] inline Arena& arena() {
  return internal::the_arena;
}

// True where pages are made accessible and inaccessible by moving them (in_arena).
[[nodiscard]] inline bool is_moved_memory(const void* address) {
  const Arena& own = arena();
  const uint64_t offset = reinterpret_cast<uintptr_t>(address) - own.base;
  return own.exact_tactic == wire::kTacticMove && offset < own.layout.exact_bytes * kExactPages;
}

// A slot by region and number.
struct SlotRef {
  uint32_t region;
  uint32_t number;
};

// Reserves memory and finds out what the kernel allows; notes both in the recorder. False: nothing to be had.
[[nodiscard]] bool make_arena();

// In a forked child: what make_arena() does beyond the reservation.
void renew_arena_after_fork();

// No lock is held in between by another thread: around fork.
void lock_arena();
void unlock_arena();

[[nodiscard]] inline bool in_arena(const void* address) {
  const Arena& own = arena();
  return reinterpret_cast<uintptr_t>(address) - own.base < own.layout.bytes;
}

// True when a fault at `address` says that it is a guard or a revoked block, not the end of a mapped file.
[[nodiscard]] bool traps_as_bus_error(const void* address);

// Bytes that may be reserved under the program's limit (RLIM_INFINITY: none). The limit is for the program: a small
// part of it is taken, or nothing.
[[nodiscard]] uint64_t affordable_reservation(uint64_t limit);

[[nodiscard]] inline const Slots& slots_of(SlotRef slot) {
  return arena().layout.regions[slot.region];
}
[[nodiscard]] inline uint32_t slot_index(SlotRef slot) {
  return slots_of(slot).first + slot.number;
}
[[nodiscard]] inline Slot& slot_at(SlotRef slot) {
  return arena().slots[slot_index(slot)];
}
[[nodiscard]] inline uintptr_t slot_data_end(SlotRef slot) {
  return arena().base + data_end(slots_of(slot), slot.number);
}

// The slot that `address` (in_arena) lies in. False: behind the last one of its region.
[[nodiscard]] bool find_slot(const void* address, SlotRef& out);

// True for addresses that the arena answers for: in it, and not lost to another's mapping.
[[nodiscard]] bool owns_address(const void* address);

// With the region's lock held: a slot for use, made busy; the one that was quarantined longest, as far as slots are
// freed in the order in which they were taken. False: none near the cursor is free.
[[nodiscard]] bool take_slot(uint32_t region, SlotRef& out);

// Makes the memory of a slot usable by the region's tactic. With the region's lock held.
[[nodiscard]] bool commit_slot(SlotRef slot);

}  // namespace segwhy::runtime::heap
