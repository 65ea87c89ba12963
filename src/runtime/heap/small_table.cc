#include "runtime/heap/small_table.h"

#include "runtime/heap/recorder.h"
#include "runtime/heap/slots.h"
#include "runtime/pal/atomic.h"

namespace segwhy::runtime::heap {
namespace {

constexpr uintptr_t kBlockAlignment = 16;

[[nodiscard]] wire::SmallBucket* bucket_of(wire::SmallTable* table, uintptr_t address) {
  constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15;
  const uint64_t hash = (address / kBlockAlignment) * kMultiplier;
  return reinterpret_cast<wire::SmallBucket*>(table + 1) + (hash >> 32) % table->bucket_count;
}

[[nodiscard]] SmallRef find_at(wire::SmallTable* table, uintptr_t address) {
  wire::SmallBucket* const bucket = bucket_of(table, address);
  for (uint32_t i = 0; i < wire::kSmallBucketBlocks; ++i) {
    if (pal::load(bucket->addresses[i]) == address) return {&bucket->addresses[i], &bucket->blocks[i]};
  }
  return {};
}

}  // namespace

wire::SmallTable* small_table() {
  auto* const table = recorder::section<wire::SmallTable>(wire::kSectionSmallBlocks);
  return table != nullptr && table->bucket_count != 0 ? table : nullptr;
}

SmallRef add_small(uintptr_t address) {
  wire::SmallTable* const table = small_table();
  if (table == nullptr) return {};
  wire::SmallBucket* const bucket = bucket_of(table, address);
  for (uint32_t i = 0; i < wire::kSmallBucketBlocks; ++i) {
    if (pal::load(bucket->addresses[i]) != 0) continue;
    if (!pal::compare_exchange(bucket->addresses[i], uint64_t{0}, address)) continue;
    return {&bucket->addresses[i], &bucket->blocks[i]};
  }
  __atomic_fetch_add(&table->no_room, 1, __ATOMIC_RELAXED);
  return {};
}

SmallRef find_small(const void* address) {
  wire::SmallTable* const table = small_table();
  return table == nullptr ? SmallRef{} : find_at(table, reinterpret_cast<uintptr_t>(address));
}

void remove_small(SmallRef ref) {
  pal::store(ref.block->state, wire::kBlockNever);
  pal::store(*ref.address, uint64_t{0});
}

SmallRef find_small_around(const void* address) {
  wire::SmallTable* const table = small_table();
  // Where blocks are missing from the table, strangers are no errors, and far too many to search for.
  if (table == nullptr || pal::load(table->no_room) != 0) return {};
  const auto at = reinterpret_cast<uintptr_t>(address);
  const uintptr_t nearest = at / kBlockAlignment * kBlockAlignment;
  for (uintptr_t distance = 0; distance < kLargeBlock && distance < nearest; distance += kBlockAlignment) {
    const SmallRef ref = find_at(table, nearest - distance);
    if (!ref) continue;
    const bool inside = pal::load(ref.block->state) == wire::kBlockLive && at - (nearest - distance) < ref.block->size;
    // Another thread may have given the entry to another block meanwhile.
    return inside && pal::load(*ref.address) == nearest - distance ? ref : SmallRef{};
  }
  return {};
}

wire::BlockRecord record_of(SmallRef ref) {
  const wire::SmallBlock& block = *ref.block;
  wire::BlockRecord record{};
  record.address = *ref.address;
  record.size = block.size;
  record.allocation_stack = block.allocation_stack;
  record.free_stack = block.free_stack;
  record.allocating_tid = block.allocating_tid;
  record.freeing_tid = block.freeing_tid;
  record.allocated_ticks = uint64_t{block.allocated_ticks} << wire::kSmallTicksShift;
  record.freed_ticks = uint64_t{block.freed_ticks} << wire::kSmallTicksShift;
  record.state = static_cast<uint8_t>(pal::load(block.state));
  record.kind = wire::kBlockSmall;
  record.alignment_log2 = 4;
  return record;
}

}  // namespace segwhy::runtime::heap
