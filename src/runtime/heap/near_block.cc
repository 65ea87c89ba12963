#include "runtime/heap/near_block.h"

#include "runtime/heap/arena.h"
#include "runtime/heap/heap.h"
#include "runtime/heap/ledger.h"
#include "runtime/heap/small_table.h"
#include "runtime/pal/atomic.h"

namespace segwhy::runtime::heap {
namespace {

[[nodiscard]] bool find_canary_block(uintptr_t address, NearBlock& out) {
  const SmallRef ref = takes_small_blocks() ? find_small(reinterpret_cast<void*>(address)) : SmallRef{};
  if (!ref) return false;
  out.record = record_of(ref);
  out.address = out.record.address;
  out.size = out.record.size;
  out.live = out.record.state == wire::kBlockLive;
  return out.address == address && (out.live || out.record.state == wire::kBlockFreed);
}

// The block in a slot. False: none, or it is between two states.
[[nodiscard]] bool block_in(SlotRef ref, NearBlock& out) {
  const Slot& slot = slot_at(ref);
  const SlotState state = __atomic_load_n(&slot.state, __ATOMIC_ACQUIRE);
  const wire::BlockRecord* const record = block_record(slot_index(ref));
  out.record = record != nullptr ? *record : wire::BlockRecord{};
  out.address = slot.address;
  out.size = slot.size;
  out.live = state == SlotState::kLive;
  // A freed block that waits for its batch is busy until then.
  const bool waits = state == SlotState::kBusy && out.record.state == wire::kBlockFreed;
  const bool known = out.live || waits || state == SlotState::kQuarantined;
  return known && out.address != 0 && __atomic_load_n(&slot.state, __ATOMIC_ACQUIRE) == state;
}

[[nodiscard]] uintptr_t distance(const NearBlock& block, uintptr_t address) {
  if (address < block.address) return block.address - address;
  return address < block.end() ? 0 : address - block.end() + 1;
}

// The slot whose block has `address` on the guard before it. A region's first slot has the end of the region before.
[[nodiscard]] bool find_slot_behind_guard(uintptr_t address, SlotRef& out) {
  const bool in_slot = find_slot(reinterpret_cast<const void*>(address), out);
  if (in_slot && address < slot_data_end(out)) return false;
  if (in_slot && ++out.number < slots_of(out).count) return true;
  const void* const page_behind = reinterpret_cast<const void*>(address + kPageBytes);
  return in_arena(page_behind) && find_slot(page_behind, out);
}

}  // namespace

bool find_near_block(uintptr_t address, NearBlock& out) {
  const void* const pointer = reinterpret_cast<const void*>(address);
  if (!is_active()) return false;
  if (!in_arena(pointer)) return find_canary_block(address, out);
  if (!owns_address(pointer)) return false;
  SlotRef ref{}, behind{};
  const bool known = find_slot(pointer, ref) && block_in(ref, out);
  NearBlock next{};
  if (!find_slot_behind_guard(address, behind) || !block_in(behind, next)) return known;
  if (!known || distance(next, address) < distance(out, address)) out = next;
  return true;
}

}  // namespace segwhy::runtime::heap
