#include "runtime/heap/resize.h"

#include <string.h>

#include "runtime/heap/allowance.h"
#include "runtime/heap/governor.h"
#include "runtime/heap/guarded.h"
#include "runtime/heap/heap.h"
#include "runtime/heap/ledger.h"
#include "runtime/heap/pages.h"
#include "runtime/heap/places.h"
#include "runtime/heap/small.h"
#include "runtime/trace/stacks.h"

namespace segwhy::runtime::heap {
namespace {

// With the region's lock held: a sweep looks at the canaries under it.
[[nodiscard]] bool resize_locked(SlotRef ref, size_t size) {
  Slot& slot = slot_at(ref);
  const uint64_t room = slot_data_end(ref) - slot.address;
  if (size > room || room - size >= kPageBytes) return false;
  check_canaries(ref, slot, 0);
  change_allowance(static_cast<int64_t>(size) - static_cast<int64_t>(slot.size), 0);
  if (size > slot.size && takes_small_blocks())
    memset(reinterpret_cast<void*>(slot.address + slot.size), kFreshFill, size - slot.size);
  slot.size = size;
  plant_canaries(ref, slot);
  note_resize(slot_index(ref), size, static_cast<uint32_t>(room - size));
  return true;
}

enum class Start { kImpossible, kResized, kBusy };

// Resizes in place, or makes the slot busy so that its pages can be moved.
[[nodiscard]] Start start_resize(SlotRef ref, const void* block, size_t size) {
  RegionState& region = arena().regions[ref.region];
  if (!region.lock.lock()) return Start::kImpossible;
  Slot& slot = slot_at(ref);
  Start start = Start::kImpossible;
  if (slot.state == SlotState::kLive && slot.address == reinterpret_cast<uintptr_t>(block)) {
    const bool movable = tactic_of(ref) == wire::kTacticRemap && size > kExactPages * kPageBytes;
    start = resize_locked(ref, size) ? Start::kResized : movable ? Start::kBusy : Start::kImpossible;
    if (start == Start::kBusy) slot.state = SlotState::kBusy;
  }
  region.lock.unlock();
  return start;
}

// A fresh slot for that many pages, busy and without any.
[[nodiscard]] bool take_empty_slot(uint64_t pages, SlotRef& out) {
  const uint32_t index = region_for(pages);
  if (index == kRegions || index < kExactPages) return false;
  RegionState& region = arena().regions[index];
  if (!region.lock.lock()) return false;
  const bool taken = take_slot(index, out);
  region.lock.unlock();
  return taken;
}

// The block's life goes on in `to`, at the same place within its page.
void* go_on(SlotRef from, SlotRef to, size_t size, uint64_t pages, const Caller& caller) {
  const Slot before = slot_at(from);
  Slot& slot = slot_at(to);
  slot.address = pages_begin(to, pages) + before.address % kPageBytes;
  slot.size = size;
  slot.pages = static_cast<uint32_t>(pages);
  slot.revoke_at_once = before.revoke_at_once;
  plant_canaries(to, slot);
  const uint32_t stack = trace::intern_stack(caller.return_address, caller.frame);
  note_free(slot_index(from), stack, before.address, before.size);
  note_quarantine(slot_index(from), true);
  const uint64_t behind = slot_data_end(to) - slot.address - size;
  note_allocation(slot_index(to), {slot.address, size, 16, stack, slot.pages, static_cast<uint32_t>(behind),
                                   wire::kBlockLarge, wire::kBlockReallocated});
  set_state(to, SlotState::kLive);
  return reinterpret_cast<void*>(slot.address);
}

// Moves a busy slot's pages to another slot, with more or fewer of them. Null: not possible, nothing has changed.
[[nodiscard]] void* move_to_other_slot(SlotRef from, size_t size, const Caller& caller) {
  const Slot& slot = slot_at(from);
  const uint64_t pages = pages_for(slot.address % kPageBytes + size);
  SlotRef to{};
  if (!take_empty_slot(pages, to)) return nullptr;
  check_canaries(from, slot, 0);
  const PageRange source{pages_begin(from, slot.pages), slot.pages * kPageBytes};
  const PageRange destination{pages_begin(to, pages), pages * kPageBytes};
  const Remapped remapped = remap_pages(source, destination);
  if (remapped == Remapped::kNot) {
    set_state(to, SlotState::kLost);
    return nullptr;
  }
  change_allowance(static_cast<int64_t>(size) - static_cast<int64_t>(slot.size),
                   static_cast<int64_t>(pages) - static_cast<int64_t>(slot.pages));
  void* const block = go_on(from, to, size, pages, caller);
  set_state(from, remapped == Remapped::kSourceLost ? SlotState::kLost : SlotState::kQuarantined);
  return block;
}

}  // namespace

void* resize_tensor(void* block, size_t size, const Caller& caller) {
  SlotRef ref{};
  if (!find_slot(block, ref)) return nullptr;
  Charge charge(1);
  const Start start = start_resize(ref, block, size);
  if (start == Start::kResized) return block;
  if (start == Start::kImpossible) return nullptr;
  void* const moved = move_to_other_slot(ref, size, caller);
  if (moved == nullptr) set_state(ref, SlotState::kLive);
  charge.revoked();
  return moved;
}

}  // namespace segwhy::runtime::heap
