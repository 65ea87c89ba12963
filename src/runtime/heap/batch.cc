#include "runtime/heap/batch.h"

#include <string.h>

#include "runtime/heap/canary.h"
#include "runtime/heap/ledger.h"
#include "runtime/heap/places.h"
#include "runtime/heap/recorder.h"

namespace segwhy::runtime::heap {
namespace {

constexpr uint32_t kBatchSlots = 32;
// More, and the blocks that wait push the program's own data out of the CPU's caches.
constexpr uint64_t kBatchPages = 128;
// Leading bytes of a freed block that are filled and checked.
constexpr uint64_t kFilledBytes = 256;

struct Batch {
  SlotRef slots[kBatchSlots];
  uint32_t count;
  uint64_t pages;
};

pal::OwnerLock lock;
Batch waiting;

[[nodiscard]] uintptr_t fill_end(const Slot& slot) {
  return slot.address + (slot.size < kFilledBytes ? slot.size : kFilledBytes);
}

void check_fill(SlotRef ref) {
  const Slot& slot = slot_at(ref);
  const uint64_t key = recorder::area()->canary_key;
  const uintptr_t wrong = check_canary(key, slot.address, fill_end(slot));
  if (wrong != fill_end(slot))
    report_overwritten({block_record(slot_index(ref)), wire::kFindingWriteAfterFree, 0, wrong, fill_end(slot)});
}

// Empties `waiting`. With the lock held.
[[nodiscard]] Batch take_batch() {
  const Batch batch = waiting;
  waiting.count = 0;
  waiting.pages = 0;
  return batch;
}

void revoke_batch(const Batch& batch) {
  for (uint32_t i = 0; i < batch.count; ++i) {
    check_fill(batch.slots[i]);
    revoke_place(batch.slots[i]);
  }
}

}  // namespace

bool postpone_revocation(SlotRef ref) {
  const Slot& slot = slot_at(ref);
  fill_canary(recorder::area()->canary_key, slot.address, fill_end(slot));
  Batch full{};
  if (!lock.lock()) {
    revoke_place(ref);
    return true;
  }
  waiting.slots[waiting.count++] = ref;
  waiting.pages += slot.pages;
  if (waiting.count == kBatchSlots || waiting.pages >= kBatchPages) full = take_batch();
  lock.unlock();
  revoke_batch(full);
  return full.count != 0;
}

void revoke_postponed() {
  if (!lock.lock()) return;
  const Batch batch = take_batch();
  lock.unlock();
  revoke_batch(batch);
}

void lock_batch() {
  (void)lock.lock();
}

void unlock_batch() {
  lock.unlock();
}

}  // namespace segwhy::runtime::heap
