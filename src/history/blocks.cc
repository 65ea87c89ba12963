#include "history/blocks.h"

#include <algorithm>
#include <limits>

#include "base/byte_view.h"

namespace segwhy::history {
namespace {

// Between two blocks on both sides of a guard, the nearer one is meant if the other is this many times as far away.
constexpr std::uint64_t kClearlyNearer = 8;

struct Slot {
  std::uint64_t begin = 0, end = 0;
  std::uint64_t guard_begin = 0;
  std::optional<wire::BlockRecord> record;  // of a block that is or was there
};

[[nodiscard]] bool makes_sense(const wire::Region& region, std::uint64_t records) {
  if (region.slots == 0 || region.stride == 0 || region.guard > region.stride) return false;
  if (region.stride > (std::numeric_limits<std::uint64_t>::max() - region.base) / region.slots) return false;
  return region.first_record <= records && region.slots <= records - region.first_record;
}

class BlockFinder {
 public:
  explicit BlockFinder(const Area& area) : area_(area) {
    const std::uint64_t bytes = area.size(wire::kSectionBlocks);
    if (bytes < sizeof(wire::BlockTable)) return;
    const auto claimed = area.at<std::uint64_t>(wire::kSectionBlocks, offsetof(wire::BlockTable, record_count));
    const std::uint64_t fitting = (bytes - sizeof(wire::BlockTable)) / sizeof(wire::BlockRecord);
    records_ = std::min(claimed.value_or(0), fitting);
  }

  [[nodiscard]] std::optional<FoundBlock> find(std::uint64_t address) const {
    for (std::uint32_t i = 0; i < wire::kMaxRegions; ++i) {
      const auto region =
          area_.at<wire::Region>(wire::kSectionBlocks, offsetof(wire::BlockTable, regions) + i * sizeof(wire::Region));
      if (!region || !makes_sense(*region, records_)) continue;
      // Before the first slot there is a guard, too: that of another region's last slot, or one of its own.
      const std::uint64_t begin = region->base - std::min(region->base, region->guard);
      if (address < begin || address - begin >= region->base - begin + region->stride * region->slots) continue;
      if (auto found = find_in(*region, address)) return found;
    }
    return std::nullopt;
  }

 private:
  [[nodiscard]] std::optional<FoundBlock> find_in(const wire::Region& region, std::uint64_t address) const {
    if (address < region.base) return in_guard(address, Slot{}, slot_at(region, 0));
    const std::uint64_t index = (address - region.base) / region.stride;
    const Slot slot = slot_at(region, index);
    if (address >= slot.guard_begin) {
      const Slot next = index + 1 < region.slots ? slot_at(region, index + 1) : Slot{};
      return in_guard(address, slot, next);
    }
    if (slot.record) return in_slot(address, slot);
    // Nobody was here yet: an access that went beyond the guard of the slot before, or came out of nowhere.
    if (index == 0) return std::nullopt;
    const Slot before = slot_at(region, index - 1);
    if (!before.record) return std::nullopt;
    return FoundBlock{*before.record, Place::kGuard, false, before.begin, before.end};
  }

  [[nodiscard]] Slot slot_at(const wire::Region& region, std::uint64_t index) const {
    Slot slot;
    slot.begin = region.base + index * region.stride;
    slot.end = slot.begin + region.stride;
    slot.guard_begin = slot.end - region.guard;
    const std::uint64_t position = region.first_record + index;
    const auto record = area_.at<wire::BlockRecord>(wire::kSectionBlocks,
                                                    sizeof(wire::BlockTable) + position * sizeof(wire::BlockRecord));
    if (record && is_block(*record, slot.begin, slot.guard_begin)) slot.record = record;
    return slot;
  }

  [[nodiscard]] static FoundBlock in_slot(std::uint64_t address, const Slot& slot) {
    const wire::BlockRecord& record = *slot.record;
    const bool inside = address >= record.address && address - record.address < record.size;
    return {record, inside ? Place::kInside : Place::kSlack, true, slot.begin, slot.end};
  }

  [[nodiscard]] static std::optional<FoundBlock> in_guard(std::uint64_t address, const Slot& slot, const Slot& next) {
    if (!slot.record && !next.record) return std::nullopt;
    constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t behind = slot.record ? address - (slot.record->address + slot.record->size) : kNone;
    const std::uint64_t before = next.record ? next.record->address - address : kNone;
    const bool is_behind = behind <= before;
    const Slot& owner = is_behind ? slot : next;
    const std::uint64_t near = std::min(behind, before), far = std::max(behind, before);
    return FoundBlock{*owner.record, Place::kGuard, far / kClearlyNearer >= near, owner.begin, owner.end};
  }

  const Area& area_;
  std::uint64_t records_ = 0;
};

}  // namespace

bool is_block(const wire::BlockRecord& record, std::uint64_t slot_begin, std::uint64_t slot_end) {
  if (record.state < wire::kBlockLive || record.state > wire::kBlockQuarantined) return false;
  return record.address >= slot_begin && record.address <= slot_end && record.size <= slot_end - record.address;
}

std::optional<FoundBlock> find_block(const Area& area, std::uint64_t address) {
  return BlockFinder(area).find(address);
}

std::vector<wire::PastLife> former_blocks(const Area& area, const FoundBlock& block, std::size_t max) {
  std::vector<wire::PastLife> found;
  const auto ring = area.at<wire::PastLives>(wire::kSectionPastLives, 0);
  if (!ring) return found;
  const std::uint64_t fitting = (area.size(wire::kSectionPastLives) - sizeof(wire::PastLives)) / sizeof(wire::PastLife);
  const std::uint64_t capacity = std::min(ring->capacity, fitting);
  const std::uint64_t kept = std::min(ring->written, capacity);
  const auto bytes = area.bytes(wire::kSectionPastLives, sizeof(wire::PastLives), kept * sizeof(wire::PastLife));
  if (!bytes) return found;
  const ByteView lives(*bytes);
  for (std::uint64_t i = 0; i < kept; ++i) {
    const auto life = lives.at<wire::PastLife>(i * sizeof(wire::PastLife));
    if (life && life->address >= block.slot_begin && life->address < block.slot_end) found.push_back(*life);
  }
  std::sort(found.begin(), found.end(),
            [](const wire::PastLife& a, const wire::PastLife& b) { return a.freed_ticks > b.freed_ticks; });
  if (found.size() > max) found.resize(max);
  return found;
}

}  // namespace segwhy::history
