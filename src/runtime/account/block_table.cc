#include "runtime/account/block_table.h"

#include <sys/mman.h>

#include "runtime/pal/atomic.h"
#include "runtime/pal/private_table.h"
#include "runtime/pal/syscall.h"

namespace segwhy::runtime::account {
namespace {

constexpr uint32_t kChoices = 2;

// Of a bucket: the upper bits of a product depend on all bits of the address.
[[nodiscard]] uint32_t bucket_of(uint64_t address, uint32_t choice, uint32_t buckets) {
  constexpr uint64_t kFactors[kChoices] = {0x9e3779b97f4a7c15u, 0xc2b2ae3d27d4eb4fu};
  return static_cast<uint32_t>((address >> 4) * kFactors[choice] >> 40) % buckets;
}

}  // namespace

bool BlockTable::prepare() {
  memory_ = static_cast<Memory*>(pal::map_private_table(sizeof(Memory)));
  return memory_ != nullptr;
}

void BlockTable::clear() {
  if (memory_ != nullptr) pal::syscall(SYS_madvise, memory_, sizeof(Memory), MADV_DONTNEED);
}

bool BlockTable::take_out(uint32_t place, uint64_t address, Entry& out) {
  if (!pal::compare_exchange(memory_->addresses[place], address, kBusy)) return false;
  out = memory_->entries[place];
  pal::store(memory_->addresses[place], kFree);
  return true;
}

bool BlockTable::remove(uint64_t address, Entry& out) {
  if (memory_ == nullptr || address <= kBusy) return false;
  for (uint32_t choice = 0; choice < kChoices; ++choice) {
    const uint32_t first = bucket_of(address, choice, kBuckets) * kWays;
    for (uint32_t way = 0; way < kWays; ++way) {
      if (pal::load(memory_->addresses[first + way]) == address) return take_out(first + way, address, out);
    }
  }
  return false;
}

bool BlockTable::insert(uint64_t address, const Entry& entry, Entry& replaced) {
  replaced = {};
  if (memory_ == nullptr || address <= kBusy) return false;
  (void)remove(address, replaced);
  for (uint32_t choice = 0; choice < kChoices; ++choice) {
    const uint32_t first = bucket_of(address, choice, kBuckets) * kWays;
    for (uint32_t way = 0; way < kWays; ++way) {
      uint64_t& place = memory_->addresses[first + way];
      if (pal::load(place) != kFree || !pal::compare_exchange(place, kFree, kBusy)) continue;
      memory_->entries[first + way] = entry;
      pal::store(place, address);
      return true;
    }
  }
  return false;
}

}  // namespace segwhy::runtime::account
