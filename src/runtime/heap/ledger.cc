#include "runtime/heap/ledger.h"

#include <string.h>

#include "runtime/crash/process.h"
#include "runtime/crash/thread_state.h"
#include "runtime/heap/canary.h"
#include "runtime/heap/recorder.h"
#include "runtime/heap/survived.h"
#include "runtime/pal/atomic.h"
#include "runtime/pal/syscall.h"
#include "runtime/pal/ticks.h"

namespace segwhy::runtime::heap {
namespace {

using wire::BlockRecord;

[[nodiscard]] BlockRecord* record_of(uint32_t slot) {
  auto* const table = recorder::section<wire::BlockTable>(wire::kSectionBlocks);
  if (table == nullptr || slot >= table->record_count) return nullptr;
  return reinterpret_cast<BlockRecord*>(table + 1) + slot;
}

// Of a block of the table: index+1 of its record.
[[nodiscard]] uint32_t index_of(const BlockRecord* block) {
  auto* const table = recorder::section<wire::BlockTable>(wire::kSectionBlocks);
  const auto* const records = reinterpret_cast<const BlockRecord*>(table + 1);
  const bool is_in_table = table != nullptr && block >= records && block < records + table->record_count;
  return is_in_table ? static_cast<uint32_t>(block - records) + 1 : 0;
}

// The life that `record` tells of is over: its slot is taken again.
void keep_past_life(const BlockRecord& record) {
  wire::AreaHeader& area = *recorder::area();
  pal::fetch_add(area.recycled_slots, 1);
  pal::store(area.horizon_ticks, record.freed_ticks);
  auto* const lives = recorder::section<wire::PastLives>(wire::kSectionPastLives);
  if (lives == nullptr || lives->capacity == 0) return;
  auto* const entries = reinterpret_cast<wire::PastLife*>(lives + 1);
  wire::PastLife& life = entries[pal::fetch_add(lives->written, 1) % lives->capacity];
  life.address = record.address;
  life.size = record.size < wire::kSizeSaturated ? static_cast<uint32_t>(record.size) : wire::kSizeSaturated;
  life.allocation_stack = record.allocation_stack;
  life.free_stack = record.free_stack;
  life.freeing_tid = record.freeing_tid;
  life.freed_ticks = record.freed_ticks;
}

[[nodiscard]] wire::Finding* finding_at(uint32_t index) {
  auto* const findings = recorder::section<wire::Findings>(wire::kSectionFindings);
  return findings != nullptr && index < wire::kMaxFindings ? &findings->entries[index] : nullptr;
}

// Its index.
[[nodiscard]] uint32_t claim_finding() {
  auto* const findings = recorder::section<wire::Findings>(wire::kSectionFindings);
  return findings == nullptr ? wire::kMaxFindings : pal::fetch_add(findings->count, 1);
}

// `expected` says what each byte of memory should hold.
template <typename Expected>
void report_changed(const Overwritten& bytes, const Expected& expected) {
  uint8_t first[wire::kFindingBytes];
  Wrong wrong{bytes.kind, bytes.block, bytes.stack, bytes.at, 0, reinterpret_cast<const uint8_t*>(bytes.at),
              first,      0,           0,           0};
  for (uintptr_t byte = bytes.at; byte < bytes.end; ++byte) {
    if (byte - bytes.at < wire::kFindingBytes) first[wrong.byte_count++] = expected(byte);
    if (*reinterpret_cast<const uint8_t*>(byte) != expected(byte)) ++wrong.count;
  }
  if (bytes.block != nullptr) {
    const bool freed = bytes.kind == wire::kFindingWriteAfterFree;
    wrong.last_good_ticks = freed ? bytes.block->freed_ticks : bytes.block->allocated_ticks;
  }
  report_wrong(wrong);
}

}  // namespace

const BlockRecord* block_record(uint32_t slot) {
  return record_of(slot);
}

uint32_t current_tid() {
  const uint32_t known = nearby_thread_state().tid;
  return known != 0 ? known : pal::thread_id();
}

void note_allocation(uint32_t slot, const NewBlock& block) {
  BlockRecord* const record = record_of(slot);
  if (record == nullptr) return;
  if (record->state != wire::kBlockNever) keep_past_life(*record);
  ++record->sequence;
  record->address = block.address;
  record->size = block.size;
  record->allocation_stack = block.stack;
  record->free_stack = 0;
  record->allocating_tid = current_tid();
  record->freeing_tid = 0;
  record->allocated_ticks = pal::ticks();
  record->freed_ticks = 0;
  record->after = block.after;
  record->kind = block.kind;
  record->flags = block.flags;
  record->alignment_log2 = static_cast<uint8_t>(__builtin_ctzl(block.alignment));
  record->pages = block.pages;
  pal::store(record->state, wire::kBlockLive);
  wire::AreaHeader& area = *recorder::area();
  __atomic_fetch_add(&area.protected_blocks, 1, __ATOMIC_RELAXED);
  __atomic_fetch_add(&area.protected_bytes, block.size, __ATOMIC_RELAXED);
}

void note_resize(uint32_t slot, uint64_t size, uint32_t after) {
  BlockRecord* const record = record_of(slot);
  if (record == nullptr) return;
  record->size = size;
  record->after = after;
  record->flags |= wire::kBlockReallocated;
}

void note_free(uint32_t slot, uint32_t stack, uint64_t address, uint64_t size) {
  BlockRecord* const record = record_of(slot);
  if (record == nullptr) return;
  record->free_stack = stack;
  record->freeing_tid = current_tid();
  record->freed_ticks = pal::ticks();
  if (record->state == wire::kBlockNever) {
    record->address = address;
    record->size = size;
    record->flags = wire::kBlockFromParent;
  }
  pal::store(record->state, wire::kBlockFreed);
}

void note_quarantine(uint32_t slot, bool inaccessible) {
  BlockRecord* const record = record_of(slot);
  if (record == nullptr) return;
  if (inaccessible) {
    pal::store(record->state, wire::kBlockQuarantined);
  } else {
    pal::fetch_add(recorder::area()->lost_revocations, 1);
  }
}

void note_loss(uint32_t slot) {
  if (BlockRecord* const record = record_of(slot)) pal::store(record->state, wire::kBlockLost);
}

void count_unprotected(wire::UnprotectedReason reason) {
  wire::AreaHeader* const area = recorder::area();
  if (area == nullptr) return;
  // Threads that meet here may lose a count: an atomic addition would cost what the block was left out to save.
  uint64_t& count = area->unprotected_blocks[reason];
  __atomic_store_n(&count, __atomic_load_n(&count, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
}

uint32_t report_wrong(const Wrong& wrong) {
  const uint32_t index = claim_finding();
  wire::Finding* const finding = finding_at(index);
  if (finding == nullptr) return wire::kMaxFindings;
  finding->kind = wrong.kind;
  finding->record = index_of(wrong.block);
  finding->stack = wrong.stack;
  finding->tid = current_tid();
  finding->address = wrong.address;
  finding->wrong_bytes = wrong.count;
  finding->found_ticks = pal::ticks();
  finding->last_good_ticks = wrong.last_good_ticks != 0 ? wrong.last_good_ticks : finding->found_ticks;
  finding->byte_count = wrong.byte_count;
  finding->pc = wrong.pc;
  if (wrong.seen != nullptr) memcpy(finding->seen, wrong.seen, wrong.byte_count);
  if (wrong.expected != nullptr) memcpy(finding->expected, wrong.expected, wrong.byte_count);
  if (wrong.block != nullptr) {
    finding->block = *wrong.block;
    finding->offset = static_cast<int64_t>(wrong.address - wrong.block->address);
  }
  pal::store(finding->complete, 1u);
  note_survived_finding(index);
  ring_doorbell();
  return index;
}

void count_repeat(uint32_t finding) {
  if (wire::Finding* const known = finding_at(finding)) pal::fetch_add(known->repeats, 1);
}

void report_overwritten(const Overwritten& bytes) {
  const uint64_t key = recorder::area()->canary_key;
  report_changed(bytes, [key](uintptr_t byte) { return canary_byte(key, byte); });
}

void report_filled(const Overwritten& bytes, uint8_t fill) {
  report_changed(bytes, [fill](uintptr_t) { return fill; });
}

}  // namespace segwhy::runtime::heap
