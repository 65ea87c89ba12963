#include "runtime/heap/tensors.h"

#include <string.h>

#include "runtime/heap/allowance.h"
#include "runtime/heap/arena.h"
#include "runtime/heap/batch.h"
#include "runtime/heap/governor.h"
#include "runtime/heap/guarded.h"
#include "runtime/heap/heap.h"
#include "runtime/heap/ledger.h"
#include "runtime/heap/places.h"
#include "runtime/heap/retreat.h"
#include "runtime/heap/small.h"
#include "runtime/heap/wrong_free.h"
#include "runtime/trace/stacks.h"

namespace segwhy::runtime::heap {
namespace {

// --- allocation ----------------------------------------------------------------------------------------------------

// A small block that gets no slot is checked by canaries instead (small.h): it is not unprotected.
[[nodiscard]] void* refuse(const Request& request, wire::UnprotectedReason reason) {
  if (is_tensor_request(request.size, request.alignment)) count_unprotected(reason);
  return nullptr;
}

[[nodiscard]] wire::BlockKind kind_of(const Request& request) {
  if (request.alignment >= kTensorAlignment) return wire::kBlockAligned;
  return request.size >= kLargeBlock ? wire::kBlockLarge : wire::kBlockSmall;
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
  const wire::BlockKind kind = kind_of(request);
  if (request.zero && place.used_before) memset(block, 0, request.size);
  // Pages of a larger one would be touched that the program may never touch.
  if (!request.zero && takes_small_blocks() && pages <= kExactPages) memset(block, kFreshFill, request.size);
  plant_canaries(place.slot, slot);
  const uint64_t behind = slot_data_end(place.slot) - slot.address - request.size;
  note_allocation(
      slot_index(place.slot),
      {slot.address, request.size, request.alignment, trace::intern_stack(caller.return_address, caller.frame), pages,
       static_cast<uint32_t>(behind), kind, static_cast<uint8_t>(request.zero ? wire::kBlockZeroed : 0)});
  set_state(place.slot, SlotState::kLive);
  return block;
}

// --- release -------------------------------------------------------------------------------------------------------

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
  die_of_wrong_free({freed ? wire::kFindingDoubleFree : wire::kFindingInvalidFree, block_record(slot_index(ref)),
                     trace::intern_stack(caller.return_address, caller.frame), reinterpret_cast<uintptr_t>(block)});
}

}  // namespace

void* allocate_tensor(const Request& request, const Caller& caller) {
  const uint64_t reach = reach_of(request.size, request.alignment);
  if (reach < request.size) return nullptr;
  if (has_retreated()) return refuse(request, wire::kUnprotectedLimit);
  const Admission admission = admit_block(caller.return_address, caller.frame);  // first: it has to cost nothing
  if (admission == Admission::kRefused) return refuse(request, wire::kUnprotectedBudget);
  const uint64_t pages = pages_for(reach);
  const uint32_t region = region_for(pages);
  if (region == kRegions || arena().layout.regions[region].count == 0) return refuse(request, wire::kUnprotectedSize);
  const Charge charge(pages);
  const uint64_t waste = pages * kPageBytes - request.size;
  if (!take_allowance(request.size, waste)) return refuse(request, wire::kUnprotectedMemory);
  const bool own_mapping = region >= kExactPages || arena().exact_tactic != wire::kTacticMove;
  if (own_mapping && !take_mapping()) {
    give_back_allowance(request.size, waste);
    return refuse(request, wire::kUnprotectedSlots);
  }
  Place place{};
  const PlaceResult result = take_place(region, static_cast<uint32_t>(pages), place);
  if (result == PlaceResult::kDone) return begin_life(place, request, static_cast<uint32_t>(pages), admission, caller);
  give_back_allowance(request.size, waste);
  if (own_mapping) give_back_mapping();
  return refuse(request, result == PlaceResult::kReentered ? wire::kUnprotectedReentry : wire::kUnprotectedSlots);
}

void release_tensor(void* block, const Caller& caller) {
  SlotRef ref{};
  if (!find_slot(block, ref)) {
    die_of_wrong_free({wire::kFindingInvalidFree, nullptr, trace::intern_stack(caller.return_address, caller.frame),
                       reinterpret_cast<uintptr_t>(block)});
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
