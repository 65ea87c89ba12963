#include "pystate/layout.h"

#include <gtest/gtest.h>

#include "pystate/fake_python.h"

namespace segwhy::pystate {
namespace {

class LayoutTable : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Versions, LayoutTable, testing::Range(kOldestMinor, kSelfDescribingMinor));

TEST_P(LayoutTable, HasWhatTheVersionHas) {
  FakeMemory none(0);
  const auto layout = layout_of(GetParam(), none, TargetAddr());
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->minor, GetParam());
  for (const Field f : {Field::kRuntimeInterpretersHead, Field::kInterpreterNext, Field::kThreadFrame,
                        Field::kFrameBack, Field::kFrameCode, Field::kFrameInstruction, Field::kCodeFilename,
                        Field::kCodeLineTable, Field::kStringCompactData, Field::kGilLocked})
    EXPECT_TRUE(layout->has(f));
  EXPECT_EQ(layout->has(Field::kCframeCurrentFrame), GetParam() >= 11);
  EXPECT_EQ(layout->has(Field::kFrameIsEntry), GetParam() == 11);
  EXPECT_EQ(layout->has(Field::kRuntimeGil), GetParam() <= 11);
  EXPECT_NE(layout->has(Field::kRuntimeGil), layout->has(Field::kInterpreterGil));
}

TEST(Layout, OtherVersionsAreAnError) {
  FakeMemory none(0);
  EXPECT_FALSE(layout_of(kOldestMinor - 1, none, TargetAddr()));
  EXPECT_FALSE(layout_of(kNewestMinor + 1, none, TargetAddr()));
}

// An interpreter that says of each member that its offset is a thousand more than where that is written.
class SelfDescription : public testing::TestWithParam<int> {
 protected:
  SelfDescription() {
    for (std::uint64_t at = 0; at < 800; at += 8) put(at, 1000 + at);
    put(0, 0x7970677562656478);  // "xdebugpy"
    put(8, 0x030E00F0);
    put(16, 0);
  }
  void put(std::uint64_t at, std::uint64_t value) { std::memcpy(memory.bytes().data() + at, &value, sizeof(value)); }

  FakeMemory memory{4096};
  TargetAddr runtime{FakeMemory::kBase};
};

INSTANTIATE_TEST_SUITE_P(Versions, SelfDescription, testing::Range(kSelfDescribingMinor, kNewestMinor + 1));

TEST_P(SelfDescription, IsFollowed) {
  const auto layout = layout_of(GetParam(), memory, runtime);
  ASSERT_TRUE(layout);
  // Members that come before the versions part ways.
  EXPECT_EQ((*layout)[Field::kRuntimeFinalizing], 1032U);
  EXPECT_EQ((*layout)[Field::kRuntimeInterpretersHead], 1040U);
  EXPECT_EQ((*layout)[Field::kInterpreterThreadsHead], 1072U);
  // Counted from the beginning of the lock, two words before.
  EXPECT_EQ((*layout)[Field::kGilLocked], 16U);
  EXPECT_EQ((*layout)[Field::kGilLastHolder], 24U);
  EXPECT_FALSE(layout->has(Field::kCframeCurrentFrame));
  EXPECT_TRUE(layout->has(Field::kCodeConstants));
}

TEST_P(SelfDescription, ThatMakesNoSenseIsAnError) {
  put(40, std::uint64_t{1} << 40);
  EXPECT_FALSE(layout_of(GetParam(), memory, runtime));
  EXPECT_FALSE(layout_of(GetParam(), memory, TargetAddr(0x1000)));
}

TEST_P(SelfDescription, Header) {
  const auto header = read_debug_offsets_header(memory, runtime);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->version_hex, 0x030E00F0U);
  EXPECT_FALSE(header->free_threaded);
  put(16, 1);
  EXPECT_TRUE(read_debug_offsets_header(memory, runtime)->free_threaded);
  put(0, 0);
  EXPECT_FALSE(read_debug_offsets_header(memory, runtime));
}

}  // namespace
}  // namespace segwhy::pystate
