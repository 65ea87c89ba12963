#include "runtime/heap/retreat.h"

#include "runtime/heap/allowance.h"
#include "runtime/heap/batch.h"
#include "runtime/heap/ledger.h"
#include "runtime/heap/places.h"
#include "runtime/pal/syscall.h"

namespace segwhy::runtime::heap {
namespace {

void unmap(uintptr_t begin, uintptr_t end) {
  if (begin < end) pal::syscall(SYS_munmap, begin, end - begin);
}

[[nodiscard]] uintptr_t slot_end(SlotRef ref) {
  return slot_data_end(ref) + slots_of(ref).guard;
}

// What a slot keeps mapped: the pages of a live block, everything while a thread works on it, nothing otherwise.
[[nodiscard]] uintptr_t kept_begin(SlotRef ref) {
  const Slot& slot = slot_at(ref);
  if (slot.state == SlotState::kLive) return pages_begin(ref, slot.pages);
  return slot.state == SlotState::kBusy ? slot_end(ref) - slots_of(ref).stride : slot_end(ref);
}

void forget_place(SlotRef ref) {
  set_state(ref, SlotState::kLost);
  note_loss(slot_index(ref));
}

// With the region's lock held, and no slot of it taken any more.
void trim_region(uint32_t index) {
  RegionState& region = arena().regions[index];
  const Slots& slots = arena().layout.regions[index];
  for (uint32_t i = 0; i < region.stock_count; ++i) give_back_stock(slot_at({index, region.stock[i]}).pages);
  region.stock_count = 0;
  region.committed = 0;  // a forked child must not take what lies there by then for the arena's
  uintptr_t free_begin = arena().base + slots.offset;
  for (uint32_t k = 0; k < slots.count; ++k) {
    const SlotRef ref{index, k};
    const SlotState state = slot_at(ref).state;
    if (state == SlotState::kNever) break;  // they are taken in order: the rest was never used
    if (state == SlotState::kLost) {        // another's mapping may lie there
      unmap(free_begin, slot_end(ref) - slots.stride);
      free_begin = slot_end(ref);
    } else if (kept_begin(ref) == slot_end(ref)) {
      forget_place(ref);
    } else {
      unmap(free_begin, kept_begin(ref));
      free_begin = slot_end(ref);
    }
  }
  unmap(free_begin,
        arena().base + slots.offset + (index < kExactPages ? arena().layout.exact_bytes : arena().layout.large_bytes));
}

}  // namespace

void retreat_below(uint64_t limit) {
  if (arena().base == 0 || has_retreated() || arena().layout.bytes <= affordable_reservation(limit)) return;
  revoke_postponed();
  pal::store(arena().retreated, true);
  for (uint32_t i = 0; i < kRegions; ++i) {
    if (!arena().regions[i].lock.lock()) continue;
    trim_region(i);
    arena().regions[i].lock.unlock();
  }
}

void give_back_place(SlotRef slot) {
  const uintptr_t begin = pages_begin(slot, slot_at(slot).pages);
  forget_place(slot);
  unmap(begin, slot_end(slot));
}

}  // namespace segwhy::runtime::heap
