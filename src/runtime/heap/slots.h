// Where protected blocks lie: arithmetic of regions, slots and blocks. Pure; no state, no system call.
//
// The reservation is divided into regions of equal slots (wire/blocks.h). Up to kExactPages pages there is a region for
// each number of pages, so that freed pages fit the next block of that size exactly; above, one for each power of two.
// A block ends at the end of its slot's data, right before the guard, as close as its alignment allows:
//
//   |<------------------------- stride ------------------------->|
//   |  unpopulated  | slack  |        block        | slack | guard |
//                   ^ page                ^ address              ^ data end
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace segwhy::runtime::heap {

inline constexpr uint64_t kPageBytes = 4096;
inline constexpr uint64_t kHugePageBytes = uint64_t{2} << 20;
inline constexpr uint32_t kExactPages = 64;
inline constexpr uint32_t kLargeRegions = 15;  // 128 pages to 2^21, 8 GiB
inline constexpr uint32_t kRegions = kExactPages + kLargeRegions;
inline constexpr uint64_t kExactRegionBytes = uint64_t{512} << 20;
inline constexpr uint64_t kLargeRegionBytes = uint64_t{16} << 30;
inline constexpr uint32_t kMostShift = 8;  // the smallest reservation: 2 MiB and 64 MiB a region

// Requests that are given to the tier at all; page-aligned ones are code and scratch of JIT libraries.
inline constexpr size_t kTensorAlignment = 32;
inline constexpr size_t kAlignmentLimit = 4096;
inline constexpr size_t kLargeBlock = 64 * 1024;
// What frameworks want a buffer aligned to before they take it without copying it.
inline constexpr size_t kSmallAvoided = 64;

struct Slots {
  uint64_t offset;  // of slot 0 in the reservation
  uint64_t stride;
  uint64_t guard;
  uint32_t count;
  uint32_t first;  // index of slot 0 among all slots
};

struct Layout {
  Slots regions[kRegions];
  uint64_t exact_bytes, large_bytes;  // of each region of that kind
  uint64_t bytes;                     // of the reservation
  uint32_t slot_count;
};

[[nodiscard]] constexpr uint64_t round_up(uint64_t value, uint64_t step) {
  return (value + step - 1) / step * step;
}

// Pages that a region's blocks have at most.
[[nodiscard]] constexpr uint64_t region_pages(uint32_t region) {
  return region < kExactPages ? region + 1 : uint64_t{128} << (region - kExactPages);
}

// kRegions: none is large enough.
[[nodiscard]] constexpr uint32_t region_for(uint64_t pages) {
  if (pages == 0) return kRegions;
  if (pages <= kExactPages) return static_cast<uint32_t>(pages) - 1;
  uint32_t region = kExactPages;
  while (region < kRegions && region_pages(region) < pages) ++region;
  return region;
}

// Huge pages move whole where source and destination are congruent: such slots end at a multiple of one.
[[nodiscard]] constexpr uint64_t guard_bytes(uint32_t region) {
  return region_pages(region) * kPageBytes >= kHugePageBytes ? kHugePageBytes : kPageBytes;
}

// Slots that fit into a region of so many bytes.
[[nodiscard]] constexpr uint64_t fitting_slots(uint32_t region, uint64_t bytes) {
  return bytes / (region_pages(region) * kPageBytes + guard_bytes(region));
}

// What is left to a region of `fitting` slots when `all` regions together have more than `most`: its share, but never
// none, lest blocks of some sizes go unprotected. Needs most >= kRegions.
[[nodiscard]] constexpr uint64_t share_of(uint64_t fitting, uint64_t all, uint64_t most) {
  if (fitting == 0 || all <= most) return fitting;
  return 1 + (fitting - 1) * (most - kRegions) / (all - kRegions);
}

// `shift` halves the regions that often. There are `most_slots` at the most (kRegions or more).
[[nodiscard]] constexpr Layout lay_out(uint32_t shift, uint32_t most_slots) {
  Layout layout{};
  layout.exact_bytes = kExactRegionBytes >> shift;
  layout.large_bytes = kLargeRegionBytes >> shift;
  const auto bytes_of = [&layout](uint32_t region) {
    return region < kExactPages ? layout.exact_bytes : layout.large_bytes;
  };
  uint64_t all = 0;
  for (uint32_t i = 0; i < kRegions; ++i) all += fitting_slots(i, bytes_of(i));
  for (uint32_t i = 0; i < kRegions; ++i) {
    const uint64_t bytes = bytes_of(i);
    Slots& slots = layout.regions[i];
    slots.offset = layout.bytes;
    slots.guard = guard_bytes(i);
    slots.stride = region_pages(i) * kPageBytes + slots.guard;
    slots.first = layout.slot_count;
    slots.count = static_cast<uint32_t>(share_of(fitting_slots(i, bytes), all, most_slots));
    layout.slot_count += slots.count;
    layout.bytes += bytes;
  }
  return layout;
}

// The region of an offset into the reservation.
[[nodiscard]] constexpr uint32_t region_of(const Layout& layout, uint64_t offset) {
  const uint64_t exact = layout.exact_bytes * kExactPages;
  if (offset < exact) return static_cast<uint32_t>(offset / layout.exact_bytes);
  return kExactPages + static_cast<uint32_t>((offset - exact) / layout.large_bytes);
}

// Offset of the end of slot k's data.
[[nodiscard]] constexpr uint64_t data_end(const Slots& slots, uint32_t k) {
  return slots.offset + (k + uint64_t{1}) * slots.stride - slots.guard;
}

// True when a block of such a request belongs to the tier.
[[nodiscard]] constexpr bool is_tensor_request(size_t size, size_t alignment) {
  if (size == 0 || alignment >= kAlignmentLimit) return false;
  return alignment >= kTensorAlignment || size >= kLargeBlock;
}

// Bytes from a block's first byte to the end of its slot's data. A block with malloc's alignment never starts at a
// multiple of 32, as one of the C library's, behind its 16-byte header in a mapping of its own, would not: frameworks
// take arrays that happen to be aligned without copying, and must do so no more often than in a plain run. A small one
// (--protect all) only keeps away from the 64 that they ask for: it is to lie close to its guard.
[[nodiscard]] constexpr uint64_t reach_of(size_t size, size_t alignment) {
  if (alignment >= kTensorAlignment) return round_up(size, alignment);
  const uint64_t reach = round_up(size == 0 ? 1 : size, 16);
  const uint64_t avoided = size >= kLargeBlock ? kTensorAlignment : kSmallAvoided;
  return reach % avoided == 0 ? reach + 16 : reach;
}

[[nodiscard]] constexpr uint64_t pages_for(uint64_t reach) {
  return round_up(reach, kPageBytes) / kPageBytes;
}

}  // namespace segwhy::runtime::heap
