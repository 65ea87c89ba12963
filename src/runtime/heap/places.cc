#include "runtime/heap/places.h"

#include "runtime/heap/allowance.h"
#include "runtime/heap/ledger.h"
#include "runtime/heap/pages.h"
#include "runtime/heap/retreat.h"

namespace segwhy::runtime::heap {
namespace {

// The warmest stocked slot of the region with that many pages.
[[nodiscard]] bool take_stocked(RegionState& region, uint32_t index, uint32_t pages, SlotRef& out) {
  for (uint32_t i = region.stock_count; i-- > 0;) {
    out = {index, region.stock[i]};
    if (slot_at(out).pages != pages) continue;
    for (uint32_t j = i + 1; j < region.stock_count; ++j) region.stock[j - 1] = region.stock[j];
    --region.stock_count;
    slot_at(out).state = SlotState::kBusy;
    give_back_stock(pages);
    return true;
  }
  return false;
}

// A fresh slot of the region, ready for pages. With the region's lock held.
[[nodiscard]] bool take_committed(uint32_t region, SlotRef& out) {
  if (!take_slot(region, out)) return false;
  if (commit_slot(out)) return true;
  set_state(out, SlotState::kQuarantined);
  return false;
}

[[nodiscard]] bool make_accessible(SlotRef slot, uint32_t pages) {
  if (populate_pages(tactic_of(slot), pages_begin(slot, pages), pages * kPageBytes)) return true;
  set_state(slot, SlotState::kQuarantined);
  return false;
}

[[nodiscard]] bool put_in_stock(SlotRef slot, uint32_t pages) {
  RegionState& region = arena().regions[slot.region];
  if (!region.lock.lock()) return false;
  const bool room = region.stock_count < kStockEntries && !arena().retreated;
  if (room) {
    slot_at(slot).pages = pages;
    slot_at(slot).state = SlotState::kStocked;
    region.stock[region.stock_count++] = slot.number;
  }
  region.lock.unlock();
  return room;
}

// A slot to move freed pages to, when they are worth keeping.
[[nodiscard]] bool take_next_place(SlotRef from, uint32_t pages, SlotRef& out) {
  if (!take_stock_allowance(pages)) return false;
  RegionState& region = arena().regions[from.region];
  bool taken = false;
  if (region.lock.lock()) {
    taken = region.stock_count < kStockEntries && take_committed(from.region, out);
    region.lock.unlock();
  }
  if (!taken) give_back_stock(pages);
  return taken;
}

// Moves the pages on to `next`; where that fails they are given back.
void move_on(SlotRef from, SlotRef next, uint32_t pages) {
  const uintptr_t destination = pages_begin(next, pages);
  const size_t bytes = pages * kPageBytes;
  const bool moved = transfer_pages(tactic_of(from), destination, pages_begin(from, pages), bytes);
  if (moved && put_in_stock(next, pages)) return;
  if (moved) (void)revoke_pages(tactic_of(next), destination, bytes);
  const bool lost = !moved && tactic_of(next) != wire::kTacticMove;
  set_state(next, lost ? SlotState::kLost : SlotState::kQuarantined);
  give_back_stock(pages);
}

}  // namespace

wire::Tactic tactic_of(SlotRef slot) {
  return slot.region < kExactPages ? arena().exact_tactic : arena().large_tactic;
}

PlaceResult take_place(uint32_t region, uint32_t pages, Place& out) {
  RegionState& state = arena().regions[region];
  if (!state.lock.lock()) return PlaceResult::kReentered;
  out.used_before = take_stocked(state, region, pages, out.slot);
  const bool fresh = !out.used_before && take_committed(region, out.slot);
  state.lock.unlock();
  if (out.used_before) return PlaceResult::kDone;
  return fresh && make_accessible(out.slot, pages) ? PlaceResult::kDone : PlaceResult::kNone;
}

void revoke_place(SlotRef slot) {
  if (has_retreated()) return give_back_place(slot);
  const uint32_t pages = slot_at(slot).pages;
  SlotRef next{};
  bool inaccessible = true;
  if (take_next_place(slot, pages, next)) {
    move_on(slot, next, pages);
  } else {
    inaccessible = revoke_pages(tactic_of(slot), pages_begin(slot, pages), pages * kPageBytes);
  }
  note_quarantine(slot_index(slot), inaccessible);
  set_state(slot, SlotState::kQuarantined);
}

}  // namespace segwhy::runtime::heap
