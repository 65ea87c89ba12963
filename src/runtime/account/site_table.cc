#include "runtime/account/site_table.h"

#include "runtime/heap/recorder.h"
#include "runtime/pal/atomic.h"
#include "runtime/pal/private_table.h"
#include "runtime/pal/ticks.h"

namespace segwhy::runtime::account {
namespace {

constexpr uint32_t kMostProbes = 64;

}  // namespace

bool SiteIndex::prepare() {
  slots_ = static_cast<uint64_t*>(pal::map_private_table(kSlots * sizeof *slots_));
  return slots_ != nullptr;
}

bool SiteIndex::begin(uint64_t account_bytes) {
  table_ = recorder::section<wire::SiteTable>(wire::kSectionSites);
  if (table_ == nullptr) return false;
  const uint64_t bytes = recorder::area()->sections[wire::kSectionSites].size;
  capacity_ = static_cast<uint32_t>((bytes - sizeof(wire::SiteTable)) / sizeof(wire::SiteRecord));
  pal::syscall(SYS_madvise, slots_, kSlots * sizeof *slots_, MADV_DONTNEED);
  table_->capacity = capacity_;
  pal::store(table_->count, 1u);
  pal::store(table_->account_bytes, account_bytes);
  return true;
}

wire::SiteRecord* SiteIndex::at(uint32_t site) {
  if (table_ == nullptr || site >= capacity_) return nullptr;
  return reinterpret_cast<wire::SiteRecord*>(table_ + 1) + site;
}

uint32_t SiteIndex::add(uint32_t stack) {
  if (pal::load(table_->count) >= capacity_) return 0;
  const uint32_t site = pal::fetch_add(table_->count, 1u);
  if (site >= capacity_) return 0;
  pal::store(at(site)->stack, stack);
  return site;
}

uint32_t SiteIndex::find_or_add(uint32_t stack) {
  if (stack == 0 || table_ == nullptr) return 0;
  uint32_t added = 0;
  for (uint32_t probe = 0; probe < kMostProbes; ++probe) {
    uint64_t& slot = slots_[(stack * 0x9e3779b1u / kSlots + probe) % kSlots];
    const uint64_t seen = pal::load(slot);
    if (seen >> 32 == stack) return static_cast<uint32_t>(seen);
    if (seen != 0) continue;
    if (added == 0) added = add(stack);
    if (added == 0) return 0;
    if (pal::compare_exchange(slot, uint64_t{0}, (uint64_t{stack} << 32) | added)) return added;
    --probe;  // look at what came in between
  }
  return 0;
}

void SiteIndex::count_lost() {
  if (table_ != nullptr) pal::fetch_add(table_->lost_blocks, 1u);
}

void SiteIndex::note_refused(uint64_t bytes, uint32_t stack) {
  if (table_ == nullptr) return;
  pal::store(table_->refused_bytes, bytes);
  pal::store(table_->refused_stack, stack);
  pal::store(table_->refused_ticks, pal::ticks());
  pal::fetch_add(table_->refused_count, 1u);
}

}  // namespace segwhy::runtime::account
