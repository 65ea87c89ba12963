#include "runtime/heap/tensors.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/heap/allowance.h"
#include "runtime/heap/arena.h"
#include "runtime/heap/canary.h"
#include "runtime/heap/governor.h"
#include "runtime/heap/ledger.h"
#include "runtime/heap/pages.h"
#include "runtime/heap/recorder.h"
#include "runtime/pal/ticks.h"
#include "runtime/trace/stacks.h"

namespace segwhy::runtime::heap {
namespace {

[[nodiscard]] wire::Tactic tactic_of(SlotRef slot) {
  return slot.region < kExactPages ? arena().exact_tactic : arena().large_tactic;
}

[[nodiscard]] uint64_t canary_key() {
  const wire::AreaHeader* const area = recorder::area();
  return area != nullptr ? area->canary_key : 0;
}

[[nodiscard]] uintptr_t pages_begin(SlotRef slot, uint64_t pages) {
  return slot_data_end(slot) - pages * kPageBytes;
}

// Charges what happens in its lifetime.
class Charge {
 public:
  explicit Charge(uint64_t pages) : pages_(pages), begin_(pal::ticks()) {}
  Charge(const Charge&) = delete;
  Charge& operator=(const Charge&) = delete;
  ~Charge() { charge(pal::ticks() - begin_, pages_); }

 private:
  uint64_t pages_;
  uint64_t begin_;
};

// --- canaries ------------------------------------------------------------------------------------------------------

// The bytes that are nobody's, on both sides of a block.
struct Slack {
  uintptr_t before, begin, end, after;
};

[[nodiscard]] Slack slack_of(SlotRef ref, const Slot& slot) {
  const uintptr_t first = pages_begin(ref, slot.pages);
  const uintptr_t room = slot.address - first;
  return {slot.address - (room < kCanaryBefore ? room : kCanaryBefore), slot.address, slot.address + slot.size,
          slot_data_end(ref)};
}

void plant_canaries(SlotRef ref, const Slot& slot) {
  const Slack slack = slack_of(ref, slot);
  fill_canary(canary_key(), slack.before, slack.begin);
  fill_canary(canary_key(), slack.end, slack.after);
}

void report_canary(SlotRef ref, uint32_t stack, wire::FindingKind kind, uintptr_t at, uintptr_t end) {
  uint8_t expected[wire::kFindingBytes];
  Wrong wrong{kind, slot_index(ref), stack, at, 0, reinterpret_cast<const uint8_t*>(at), expected, 0, 0};
  const uint64_t key = canary_key();
  for (uintptr_t byte = at; byte < end; ++byte) {
    if (byte - at < wire::kFindingBytes) expected[wrong.byte_count++] = canary_byte(key, byte);
    if (*reinterpret_cast<const uint8_t*>(byte) != canary_byte(key, byte)) ++wrong.count;
  }
  report_wrong(wrong);
}

void check_canaries(SlotRef ref, const Slot& slot, uint32_t stack) {
  const Slack slack = slack_of(ref, slot);
  const uint64_t key = canary_key();
  const uintptr_t before = check_canary(key, slack.before, slack.begin);
  if (before != slack.begin) report_canary(ref, stack, wire::kFindingWriteBefore, before, slack.begin);
  const uintptr_t after = check_canary(key, slack.end, slack.after);
  if (after != slack.after) report_canary(ref, stack, wire::kFindingWriteBehind, after, slack.after);
}

// --- slots ---------------------------------------------------------------------------------------------------------

// A slot with accessible pages.
struct Place {
  SlotRef slot;
  bool used_before;  // its pages hold what the last block left
};

enum class Outcome { kDone, kNone, kReentered };

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

[[nodiscard]] Outcome take_place(uint32_t index, uint32_t pages, Place& out) {
  RegionState& region = arena().regions[index];
  if (!region.lock.lock()) return Outcome::kReentered;
  out.used_before = take_stocked(region, index, pages, out.slot);
  bool taken = out.used_before;
  if (!taken && take_slot(index, out.slot)) {
    taken = commit_slot(out.slot);
    if (!taken) slot_at(out.slot).state = SlotState::kQuarantined;
  }
  region.lock.unlock();
  return taken ? Outcome::kDone : Outcome::kNone;
}

// With the slot busy: no other thread looks at it until its state says something else.
void set_state(SlotRef slot, SlotState state) {
  __atomic_store_n(&slot_at(slot).state, state, __ATOMIC_RELEASE);
}

[[nodiscard]] bool put_in_stock(SlotRef slot, uint32_t pages) {
  RegionState& region = arena().regions[slot.region];
  if (!region.lock.lock()) return false;
  const bool room = region.stock_count < kStockEntries;
  if (room) {
    slot_at(slot).pages = pages;
    slot_at(slot).state = SlotState::kStocked;
    region.stock[region.stock_count++] = slot.number;
  }
  region.lock.unlock();
  return room;
}

// Takes a free slot to move freed pages to, when they are worth keeping.
[[nodiscard]] bool take_next_place(SlotRef from, uint32_t pages, SlotRef& out) {
  if (!take_stock_allowance(pages)) return false;
  RegionState& region = arena().regions[from.region];
  bool taken = false;
  if (region.lock.lock()) {
    taken = region.stock_count < kStockEntries && take_slot(from.region, out);
    if (taken && !commit_slot(out)) {
      set_state(out, SlotState::kQuarantined);
      taken = false;
    }
    region.lock.unlock();
  }
  if (!taken) give_back_stock(pages);
  return taken;
}

// Makes the pages of a freed block inaccessible at their place: moved on to the next block's, or given back.
void revoke(SlotRef ref, uint32_t pages) {
  const uintptr_t source = pages_begin(ref, pages);
  const size_t bytes = pages * kPageBytes;
  SlotRef next{};
  bool inaccessible = true;
  if (take_next_place(ref, pages, next)) {
    const bool moved = transfer_pages(tactic_of(ref), pages_begin(next, pages), source, bytes);
    if (!moved || !put_in_stock(next, pages)) {
      if (moved) (void)revoke_pages(tactic_of(ref), pages_begin(next, pages), bytes);
      set_state(next, SlotState::kQuarantined);
      give_back_stock(pages);
    }
  } else {
    inaccessible = revoke_pages(tactic_of(ref), source, bytes);
  }
  note_quarantine(slot_index(ref), inaccessible);
  set_state(ref, SlotState::kQuarantined);
}

// --- allocation ----------------------------------------------------------------------------------------------------

[[nodiscard]] void* refuse(wire::UnprotectedReason reason) {
  count_unprotected(reason);
  return nullptr;
}

// The block's life begins. Its slot is busy and its pages are accessible.
[[nodiscard]] void* begin_life(const Place& place, const Request& request, uint32_t pages, const Caller& caller) {
  Slot& slot = slot_at(place.slot);
  slot.address = slot_data_end(place.slot) - reach_of(request.size, request.alignment);
  slot.size = request.size;
  slot.pages = pages;
  void* const block = reinterpret_cast<void*>(slot.address);
  if (request.zero && place.used_before) memset(block, 0, request.size);
  plant_canaries(place.slot, slot);
  const bool aligned = request.alignment >= kTensorAlignment;
  const uint64_t behind = slot_data_end(place.slot) - slot.address - request.size;
  note_allocation(
      slot_index(place.slot),
      {slot.address, request.size, request.alignment, trace::intern_stack(caller.return_address, caller.frame), pages,
       static_cast<uint32_t>(behind), aligned ? wire::kBlockAligned : wire::kBlockLarge,
       static_cast<uint8_t>(request.zero ? wire::kBlockZeroed : 0)});
  set_state(place.slot, SlotState::kLive);
  return block;
}

[[nodiscard]] bool make_accessible(const Place& place, uint32_t pages) {
  if (place.used_before) return true;
  if (populate_pages(tactic_of(place.slot), pages_begin(place.slot, pages), pages * kPageBytes)) return true;
  set_state(place.slot, SlotState::kQuarantined);
  return false;
}

// --- release -------------------------------------------------------------------------------------------------------

// As the C library ends a program that frees what it may not.
[[noreturn]] void die_of_wrong_free(const Wrong& wrong) {
  report_wrong(wrong);
  abort();
}

// Live to busy, for the one thread that frees it. False: a signal handler interrupted the tier.
[[nodiscard]] bool begin_release(SlotRef ref, const void* block, const Caller& caller) {
  RegionState& region = arena().regions[ref.region];
  if (!region.lock.lock()) return false;
  Slot& slot = slot_at(ref);
  const bool lives = slot.state == SlotState::kLive;
  const bool own_address = slot.address == reinterpret_cast<uintptr_t>(block);
  if (lives && own_address) slot.state = SlotState::kBusy;
  region.lock.unlock();
  if (lives && own_address) return true;
  const bool freed = own_address && (slot.state == SlotState::kQuarantined || slot.state == SlotState::kBusy);
  die_of_wrong_free({freed ? wire::kFindingDoubleFree : wire::kFindingInvalidFree, slot_index(ref),
                     trace::intern_stack(caller.return_address, caller.frame), reinterpret_cast<uintptr_t>(block), 0,
                     nullptr, nullptr, 0, 0});
}

}  // namespace

void* allocate_tensor(const Request& request, const Caller& caller) {
  const uint64_t reach = reach_of(request.size, request.alignment);
  if (reach < request.size) return nullptr;
  const uint64_t pages = pages_for(reach);
  const uint32_t region = region_for(pages);
  if (region == kRegions || arena().layout.regions[region].count == 0) return refuse(wire::kUnprotectedSize);
  if (!admit_block(caller.return_address, caller.frame)) return refuse(wire::kUnprotectedBudget);
  const Charge charge(pages);
  const uint64_t waste = pages * kPageBytes - request.size;
  if (!take_allowance(request.size, waste)) return refuse(wire::kUnprotectedMemory);
  const bool own_mapping = region >= kExactPages || arena().exact_tactic != wire::kTacticMove;
  if (own_mapping && !take_mapping()) {
    give_back_allowance(request.size, waste);
    return refuse(wire::kUnprotectedSlots);
  }
  Place place{};
  const Outcome outcome = take_place(region, static_cast<uint32_t>(pages), place);
  if (outcome == Outcome::kDone && make_accessible(place, static_cast<uint32_t>(pages)))
    return begin_life(place, request, static_cast<uint32_t>(pages), caller);
  give_back_allowance(request.size, waste);
  if (own_mapping) give_back_mapping();
  return refuse(outcome == Outcome::kReentered ? wire::kUnprotectedReentry : wire::kUnprotectedSlots);
}

void release_tensor(void* block, const Caller& caller) {
  SlotRef ref{};
  if (!find_slot(block, ref)) {
    die_of_wrong_free({wire::kFindingInvalidFree, ~0u, trace::intern_stack(caller.return_address, caller.frame),
                       reinterpret_cast<uintptr_t>(block), 0, nullptr, nullptr, 0, 0});
  }
  if (!begin_release(ref, block, caller)) return;
  Slot& slot = slot_at(ref);
  const Charge charge(slot.pages);
  const uint32_t stack = trace::intern_stack(caller.return_address, caller.frame);
  check_canaries(ref, slot, stack);
  note_free(slot_index(ref), stack, slot.address, slot.size);
  give_back_allowance(slot.size, slot.pages * kPageBytes - slot.size);
  if (tactic_of(ref) != wire::kTacticMove) give_back_mapping();
  revoke(ref, slot.pages);
}

size_t tensor_size(const void* block) {
  SlotRef ref{};
  if (!find_slot(block, ref)) return 0;
  const Slot& slot = slot_at(ref);
  return slot.state == SlotState::kLive && slot.address == reinterpret_cast<uintptr_t>(block) ? slot.size : 0;
}

bool resize_tensor_in_place(void* block, size_t size) {
  SlotRef ref{};
  if (!find_slot(block, ref)) return false;
  Slot& slot = slot_at(ref);
  if (slot.state != SlotState::kLive || slot.address != reinterpret_cast<uintptr_t>(block)) return false;
  const uint64_t room = slot_data_end(ref) - slot.address;
  if (size > room || room - size >= kPageBytes) return false;
  check_canaries(ref, slot, 0);
  const auto change = static_cast<int64_t>(size) - static_cast<int64_t>(slot.size);
  change_allowance(change);
  slot.size = size;
  plant_canaries(ref, slot);
  note_resize(slot_index(ref), size, static_cast<uint32_t>(room - size));
  return true;
}

void abandon_tensor(void* block) {
  SlotRef ref{};
  if (find_slot(block, ref)) slot_at(ref).state = SlotState::kQuarantined;
}

}  // namespace segwhy::runtime::heap
