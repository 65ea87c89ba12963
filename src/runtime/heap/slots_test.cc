#include "runtime/heap/slots.h"

#include <gtest/gtest.h>

namespace segwhy::runtime::heap {
namespace {

constexpr uint32_t kMany = 1'000'000;

TEST(Slots, RegionHoldsWhatItIsChosenFor) {
  for (const uint64_t pages : {1u, 2u, 63u, 64u, 65u, 128u, 129u, 512u, 1u << 21}) {
    const uint32_t region = region_for(pages);
    ASSERT_LT(region, kRegions);
    EXPECT_GE(region_pages(region), pages);
    if (pages <= kExactPages) {
      EXPECT_EQ(region_pages(region), pages);
    }
  }
  EXPECT_EQ(region_for(0), kRegions);
  EXPECT_EQ(region_for((1u << 21) + 1), kRegions);
}

TEST(Slots, EveryAddressLeadsBackToItsRegion) {
  for (uint32_t shift = 0; shift <= kMostShift; ++shift) {
    const Layout layout = lay_out(shift, kMany);
    for (uint32_t i = 0; i < kRegions; ++i) {
      const Slots& slots = layout.regions[i];
      if (slots.count == 0) continue;
      EXPECT_EQ(region_of(layout, slots.offset), i);
      const uint64_t last = slots.offset + slots.count * slots.stride - 1;
      EXPECT_EQ(region_of(layout, last), i);
      EXPECT_LT(last, layout.bytes);
      EXPECT_EQ(slots.stride % kPageBytes, 0u);
    }
  }
}

TEST(Slots, NumbersAreDenseAndBounded) {
  const Layout layout = lay_out(0, kMany);
  uint32_t next = 0;
  for (const Slots& slots : layout.regions) {
    EXPECT_EQ(slots.first, next);
    next += slots.count;
  }
  EXPECT_EQ(next, layout.slot_count);
  EXPECT_LT(layout.slot_count, kMany);
}

TEST(Slots, FewRecordsAreSharedByTheSizes) {
  for (const uint32_t most : {kRegions, 5000u, 300000u}) {
    const Layout layout = lay_out(0, most);
    EXPECT_LE(layout.slot_count, most);
    EXPECT_GE(layout.slot_count, most - kRegions);
    for (const Slots& slots : layout.regions) EXPECT_GE(slots.count, 1u);
    EXPECT_GE(layout.regions[0].count, layout.regions[region_for(256)].count);
  }
}

TEST(Slots, LargeOnesEndAtAHugePage) {
  const Layout layout = lay_out(0, kMany);
  const Slots& slots = layout.regions[region_for(1024)];
  EXPECT_EQ(data_end(slots, 0) % kHugePageBytes, 0u);
  EXPECT_EQ(data_end(slots, 7) % kHugePageBytes, 0u);
}

TEST(Placement, EndsAsCloseToTheGuardAsTheAlignmentAllows) {
  EXPECT_EQ(reach_of(24, 64), 64u);
  EXPECT_EQ(reach_of(64, 64), 64u);
  EXPECT_EQ(reach_of(65, 64), 128u);
  EXPECT_EQ(reach_of(100, 32), 128u);
}

TEST(Placement, GivesNoPlainBlockAFrameworksAlignment) {
  for (size_t size = kLargeBlock; size < kLargeBlock + 300; ++size) {
    const uint64_t reach = reach_of(size, 16);
    EXPECT_GE(reach, size);
    EXPECT_LT(reach - size, 32u);
    EXPECT_EQ(reach % 16, 0u);
    EXPECT_NE(reach % 32, 0u);
  }
}

TEST(Requests, ThatBelongToTheTier) {
  EXPECT_TRUE(is_tensor_request(1, 64));
  EXPECT_TRUE(is_tensor_request(1, 32));
  EXPECT_FALSE(is_tensor_request(1000, 16));
  EXPECT_FALSE(is_tensor_request(65535, 16));
  EXPECT_TRUE(is_tensor_request(65536, 16));
  EXPECT_FALSE(is_tensor_request(1 << 20, 4096)) << "code and scratch of JIT libraries";
  EXPECT_FALSE(is_tensor_request(0, 64));
}

}  // namespace
}  // namespace segwhy::runtime::heap
