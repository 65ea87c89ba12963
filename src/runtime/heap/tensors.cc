#include "runtime/heap/tensors.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/heap/allowance.h"
#include "runtime/heap/arena.h"
#include "runtime/heap/batch.h"
#include "runtime/heap/canary.h"
#include "runtime/heap/governor.h"
#include "runtime/heap/ledger.h"
#include "runtime/heap/places.h"
#include "runtime/heap/recorder.h"
#include "runtime/pal/ticks.h"
#include "runtime/trace/stacks.h"

namespace segwhy::runtime::heap {
namespace {

[[nodiscard]] uint64_t canary_key() {
  const wire::AreaHeader* const area = recorder::area();
  return area != nullptr ? area->canary_key : 0;
}

// Charges what happens in its lifetime.
class Charge {
 public:
  explicit Charge(uint64_t pages) : pages_(pages), begin_(pal::ticks()) {}
  Charge(const Charge&) = delete;
  Charge& operator=(const Charge&) = delete;
  ~Charge() { charge(pal::ticks() - begin_, pages_, revoked_); }

  // Pages were made inaccessible meanwhile.
  void revoked() { revoked_ = true; }

 private:
  uint64_t pages_;
  uint64_t begin_;
  bool revoked_ = false;
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

void check_canaries(SlotRef ref, const Slot& slot, uint32_t stack) {
  const Slack slack = slack_of(ref, slot);
  const uint64_t key = canary_key();
  const uintptr_t before = check_canary(key, slack.before, slack.begin);
  if (before != slack.begin) report_overwritten(slot_index(ref), wire::kFindingWriteBefore, stack, before, slack.begin);
  const uintptr_t after = check_canary(key, slack.end, slack.after);
  if (after != slack.after) report_overwritten(slot_index(ref), wire::kFindingWriteBehind, stack, after, slack.after);
}

// --- allocation ----------------------------------------------------------------------------------------------------

[[nodiscard]] void* refuse(wire::UnprotectedReason reason) {
  count_unprotected(reason);
  return nullptr;
}

// The block's life begins. Its slot is busy and its pages are accessible.
[[nodiscard]] void* begin_life(const Place& place, const Request& request, uint32_t pages, Admission admission,
                               const Caller& caller) {
  Slot& slot = slot_at(place.slot);
  slot.revoke_at_once = admission == Admission::kAtOnce;
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

// With the region's lock held: a sweep looks at the canaries under it.
[[nodiscard]] bool resize_locked(SlotRef ref, uintptr_t block, size_t size) {
  Slot& slot = slot_at(ref);
  const uint64_t room = slot_data_end(ref) - block;
  if (slot.state != SlotState::kLive || slot.address != block || size > room || room - size >= kPageBytes) return false;
  check_canaries(ref, slot, 0);
  change_allowance(static_cast<int64_t>(size) - static_cast<int64_t>(slot.size));
  slot.size = size;
  plant_canaries(ref, slot);
  note_resize(slot_index(ref), size, static_cast<uint32_t>(room - size));
  return true;
}

}  // namespace

void* allocate_tensor(const Request& request, const Caller& caller) {
  const uint64_t reach = reach_of(request.size, request.alignment);
  if (reach < request.size) return nullptr;
  const uint64_t pages = pages_for(reach);
  const uint32_t region = region_for(pages);
  if (region == kRegions || arena().layout.regions[region].count == 0) return refuse(wire::kUnprotectedSize);
  const Admission admission = admit_block(caller.return_address, caller.frame);
  if (admission == Admission::kRefused) return refuse(wire::kUnprotectedBudget);
  const Charge charge(pages);
  const uint64_t waste = pages * kPageBytes - request.size;
  if (!take_allowance(request.size, waste)) return refuse(wire::kUnprotectedMemory);
  const bool own_mapping = region >= kExactPages || arena().exact_tactic != wire::kTacticMove;
  if (own_mapping && !take_mapping()) {
    give_back_allowance(request.size, waste);
    return refuse(wire::kUnprotectedSlots);
  }
  Place place{};
  const PlaceResult result = take_place(region, static_cast<uint32_t>(pages), place);
  if (result == PlaceResult::kDone) return begin_life(place, request, static_cast<uint32_t>(pages), admission, caller);
  give_back_allowance(request.size, waste);
  if (own_mapping) give_back_mapping();
  return refuse(result == PlaceResult::kReentered ? wire::kUnprotectedReentry : wire::kUnprotectedSlots);
}

void release_tensor(void* block, const Caller& caller) {
  SlotRef ref{};
  if (!find_slot(block, ref)) {
    die_of_wrong_free({wire::kFindingInvalidFree, ~0u, trace::intern_stack(caller.return_address, caller.frame),
                       reinterpret_cast<uintptr_t>(block), 0, nullptr, nullptr, 0, 0});
  }
  if (!begin_release(ref, block, caller)) return;
  Slot& slot = slot_at(ref);
  Charge charge(slot.pages);
  const uint32_t stack = trace::intern_stack(caller.return_address, caller.frame);
  check_canaries(ref, slot, stack);
  note_free(slot_index(ref), stack, slot.address, slot.size);
  give_back_allowance(slot.size, slot.pages * kPageBytes - slot.size);
  if (tactic_of(ref) != wire::kTacticMove) give_back_mapping();
  if (slot.revoke_at_once) {
    revoke_place(ref);
    charge.revoked();
  } else if (postpone_revocation(ref)) {
    charge.revoked();
  }
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
  RegionState& region = arena().regions[ref.region];
  if (!region.lock.lock()) return false;
  const bool done = resize_locked(ref, reinterpret_cast<uintptr_t>(block), size);
  region.lock.unlock();
  return done;
}

void sweep_tensors() {
  for (uint32_t i = 0; i < kRegions; ++i) {
    RegionState& region = arena().regions[i];
    const Slots& slots = arena().layout.regions[i];
    for (uint32_t k = 0; k < slots.count; ++k) {
      const SlotRef ref{i, k};
      const SlotState seen = __atomic_load_n(&slot_at(ref).state, __ATOMIC_ACQUIRE);
      if (seen == SlotState::kNever) break;  // they are taken in order: the rest was never used
      if (seen != SlotState::kLive || !region.lock.lock()) continue;
      if (slot_at(ref).state == SlotState::kLive) check_canaries(ref, slot_at(ref), 0);
      region.lock.unlock();
    }
  }
  revoke_postponed();
}

void abandon_tensor(void* block) {
  SlotRef ref{};
  if (find_slot(block, ref)) slot_at(ref).state = SlotState::kQuarantined;
}

}  // namespace segwhy::runtime::heap
