#include "runtime/heap/small.h"

#include <errno.h>
#include <string.h>

#include "runtime/heap/canary.h"
#include "runtime/heap/governor.h"
#include "runtime/heap/ledger.h"
#include "runtime/heap/quarantine.h"
#include "runtime/heap/recorder.h"
#include "runtime/heap/slots.h"
#include "runtime/heap/small_table.h"
#include "runtime/heap/wrong_free.h"
#include "runtime/pal/atomic.h"
#include "runtime/pal/guarded_copy.h"
#include "runtime/pal/next_heap.h"
#include "runtime/pal/ticks.h"
#include "runtime/trace/python_layout.h"
#include "runtime/trace/stacks.h"

namespace segwhy::runtime::heap {
namespace {

// Behind the block, at least; the C library rounds up, and what it adds is checked, too.
constexpr size_t kCanaryBehind = 16;
constexpr size_t kMostCanary = 64;

[[nodiscard]] uint64_t canary_key() {
  return recorder::area()->canary_key;
}

[[nodiscard]] uint32_t coarse_ticks() {
  return static_cast<uint32_t>(pal::ticks() >> wire::kSmallTicksShift);
}

// The interpreter's own objects come and go by the million.
[[nodiscard]] bool is_interpreters(const Caller& caller) {
  const trace::Python* const python = trace::python();
  return python != nullptr && python->holds_code(caller.return_address);
}

// Who made one of those says little, and following the stack each time would cost more than everything else together.
[[nodiscard]] uint32_t stack_of(const Caller& caller) {
  return is_interpreters(caller) ? 0 : trace::intern_stack(caller.return_address, caller.frame);
}

// The end of the canary behind `size` bytes at `address`, of which the C library gave `usable`.
[[nodiscard]] uintptr_t canary_end(uintptr_t address, size_t size, size_t usable) {
  return address + (usable < size + kMostCanary ? usable : size + kMostCanary);
}

[[nodiscard]] uintptr_t canary_end(uintptr_t address, size_t size) {
  return canary_end(address, size, pal::next_heap().malloc_usable_size(reinterpret_cast<void*>(address)));
}

void report_canary(SmallRef ref, uint32_t stack, uintptr_t wrong, uintptr_t end) {
  const wire::BlockRecord record = record_of(ref);
  report_overwritten({&record, wire::kFindingWriteBehind, stack, wrong, end});
}

void check_canary_of(SmallRef ref, uint32_t stack) {
  const uintptr_t begin = *ref.address + ref.block->size;
  const uintptr_t end = canary_end(*ref.address, ref.block->size);
  const uintptr_t wrong = check_canary(canary_key(), begin, end);
  if (wrong < end) report_canary(ref, stack, wrong, end);
}

// --- quarantine ----------------------------------------------------------------------------------------------------

[[nodiscard]] uintptr_t first_unfilled(uintptr_t begin, uintptr_t end) {
  while (begin < end && *reinterpret_cast<const uint8_t*>(begin) == kFreedFill) ++begin;
  return begin;
}

void check_fill(const FreedBlock& freed) {
  const uintptr_t end = freed.address + freed.size;
  const uintptr_t wrong = first_unfilled(freed.address, end);
  if (wrong == end) return;
  const SmallRef ref = find_small(reinterpret_cast<void*>(freed.address));
  if (!ref) return report_filled({nullptr, wire::kFindingWriteAfterFree, 0, wrong, end}, kFreedFill);
  const wire::BlockRecord record = record_of(ref);
  report_filled({&record, wire::kFindingWriteAfterFree, 0, wrong, end}, kFreedFill);
}

void let_go(const FreedBlock& freed) {
  check_fill(freed);
  void* const block = reinterpret_cast<void*>(freed.address);
  if (const SmallRef ref = find_small(block)) remove_small(ref);
  pal::next_heap().free(block);
}

void retire(SmallRef ref) {
  const uintptr_t address = *ref.address;
  const size_t size = ref.block->size;
  memset(reinterpret_cast<void*>(address), kFreedFill, size);
  FreedBlock leaving[kMostLeaving];
  const int count = quarantine({address, size}, leaving);
  if (count < 0) {
    remove_small(ref);
    return pal::next_heap().free(reinterpret_cast<void*>(address));
  }
  for (int i = 0; i < count; ++i) let_go(leaving[i]);
}

// --- sweep ---------------------------------------------------------------------------------------------------------

// Other threads may free the block meanwhile, and the C library give its page back: nothing may fault, and only what
// is still the same block counts.
void look_at_live(SmallRef ref) {
  const uintptr_t address = pal::load(*ref.address);
  const size_t size = ref.block->size;
  if (address == 0 || pal::load(ref.block->state) != wire::kBlockLive) return;
  uint8_t seen[kCanaryBehind];
  if (pal::guarded_copy(seen, reinterpret_cast<const void*>(address + size), sizeof seen) != sizeof seen) return;
  const uint64_t key = canary_key();
  bool intact = true;
  for (size_t i = 0; i < sizeof seen; ++i) intact = intact && seen[i] == canary_byte(key, address + size + i);
  const bool same = pal::load(*ref.address) == address && ref.block->size == size;
  if (!intact && same && pal::load(ref.block->state) == wire::kBlockLive) check_canary_of(ref, 0);
}

}  // namespace

void* allocate_small(const Request& request, const Caller& caller) {
  if (is_interpreters(caller) && !affords_common_blocks()) {
    count_unprotected(wire::kUnprotectedBudget);
    return nullptr;
  }
  const Charge charge(0);
  void* const block = request.zero ? pal::next_heap().calloc(1, request.size + kCanaryBehind)
                                   : pal::next_heap().malloc(request.size + kCanaryBehind);
  if (block == nullptr) return nullptr;
  const auto address = reinterpret_cast<uintptr_t>(block);
  const SmallRef ref = add_small(address);
  if (!ref) return block;  // larger than asked for, and the C library's
  const size_t usable = pal::next_heap().malloc_usable_size(block);
  if (!request.zero) memset(block, kFreshFill, request.size);
  fill_canary(canary_key(), address + request.size, canary_end(address, request.size, usable));
  wire::SmallBlock& note = *ref.block;
  note.size = static_cast<uint32_t>(request.size);
  note.allocation_stack = stack_of(caller);
  note.free_stack = 0;
  note.allocating_tid = current_tid();
  note.freeing_tid = 0;
  note.allocated_ticks = coarse_ticks();
  note.freed_ticks = 0;
  pal::store(note.state, wire::kBlockLive);
  wire::SmallTable& table = *small_table();
  __atomic_fetch_add(&table.checked_blocks, 1, __ATOMIC_RELAXED);
  __atomic_fetch_add(&table.checked_bytes, request.size, __ATOMIC_RELAXED);
  return block;
}

bool release_small(void* block, const Caller& caller) {
  const SmallRef ref = find_small(block);
  if (!ref) {
    refuse_stray_free(block, caller);
    return false;
  }
  const Charge charge(0);
  const int saved = errno;
  const uint32_t stack = stack_of(caller);
  if (!pal::compare_exchange(ref.block->state, uint32_t{wire::kBlockLive}, uint32_t{wire::kBlockFreed})) {
    const wire::BlockRecord record = record_of(ref);
    die_of_wrong_free({wire::kFindingDoubleFree, &record, stack, reinterpret_cast<uintptr_t>(block)});
  }
  ref.block->free_stack = stack;
  ref.block->freeing_tid = current_tid();
  ref.block->freed_ticks = coarse_ticks();
  check_canary_of(ref, stack);
  retire(ref);
  errno = saved;
  return true;
}

bool small_size(const void* block, size_t& out) {
  const SmallRef ref = find_small(block);
  if (!ref) return false;
  out = ref.block->size;
  return true;
}

bool resize_small(void* block, size_t size) {
  const SmallRef ref = find_small(block);
  if (!ref || size >= kLargeBlock || pal::load(ref.block->state) != wire::kBlockLive) return false;
  const size_t usable = pal::next_heap().malloc_usable_size(block);
  if (size == 0 || size + kCanaryBehind > usable || size < usable / 2) return false;
  check_canary_of(ref, 0);
  const auto address = reinterpret_cast<uintptr_t>(block);
  const size_t before = ref.block->size;
  if (size > before) memset(reinterpret_cast<void*>(address + before), kFreshFill, size - before);
  ref.block->size = static_cast<uint32_t>(size);
  fill_canary(canary_key(), address + size, canary_end(address, size, usable));
  return true;
}

void sweep_small() {
  wire::SmallTable* const table = small_table();
  if (table == nullptr) return;
  auto* const buckets = reinterpret_cast<wire::SmallBucket*>(table + 1);
  for (uint64_t i = 0; i < table->bucket_count; ++i) {
    for (uint32_t k = 0; k < wire::kSmallBucketBlocks; ++k)
      look_at_live({&buckets[i].addresses[k], &buckets[i].blocks[k]});
  }
  look_at_quarantined(&check_fill);
}

void lock_small() {
  lock_quarantine();
}

void unlock_small() {
  unlock_quarantine();
}

}  // namespace segwhy::runtime::heap
