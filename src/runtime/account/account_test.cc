#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <set>

#include "runtime/account/block_table.h"
#include "runtime/account/sampling.h"

namespace segwhy::runtime::account {
namespace {

TEST(Sampling, LogarithmIsRight) {
  for (double m = 1; m < 2; m += 0.01) EXPECT_NEAR(log_of_mantissa(m), std::log(m), 2e-5) << m;
}

TEST(Sampling, IntervalsHaveTheMean) {
  constexpr std::uint64_t kMean = 64 << 10;
  constexpr int kDraws = 200'000;
  std::uint64_t state = 88172645463325252U;
  double sum = 0, below = 0;
  for (int i = 0; i < kDraws; ++i) {
    state = next_random(state);
    const auto interval = static_cast<double>(next_interval(state, kMean));
    ASSERT_GT(interval, 0);
    sum += interval;
    below += interval < kMean ? 1 : 0;
  }
  EXPECT_NEAR(sum / kDraws, kMean, kMean * 0.01);
  EXPECT_NEAR(below / kDraws, 1 - std::exp(-1.0), 0.01) << "exponential";
}

TEST(Sampling, ExtremesOfTheGenerator) {
  EXPECT_EQ(exponential(UINT64_MAX), 0);
  EXPECT_NEAR(exponential(0), 53 * std::log(2.0), 1e-3);
}

TEST(Sampling, WeightIsTheInverseOfTheChance) {
  constexpr std::uint64_t kMean = 512 << 10;
  for (std::uint64_t size : {std::uint64_t{1}, std::uint64_t{100}, kMean / 8, kMean / 2, kMean}) {
    const double chance = 1 - std::exp(-static_cast<double>(size) / kMean);
    EXPECT_NEAR(static_cast<double>(weight_of(size, kMean)), static_cast<double>(size) / chance, 2 + kMean * 1e-5);
  }
}

// GIVEN many small blocks WHEN they are sampled THEN what the samples stand for adds up to what was allocated.
TEST(Sampling, SumsAreRight) {
  constexpr std::uint64_t kMean = 64 << 10;
  std::uint64_t state = 12345, size_state = 99;
  std::int64_t left = next_interval(state, kMean);
  double allocated = 0, estimated = 0;
  for (int i = 0; i < 2'000'000; ++i) {
    size_state = next_random(size_state);
    const std::uint64_t size = 16 + size_state % 4000;
    allocated += static_cast<double>(size);
    left -= static_cast<std::int64_t>(size);
    if (left >= 0) continue;
    estimated += static_cast<double>(weight_of(size, kMean));
    state = next_random(state);
    left = next_interval(state, kMean);
  }
  EXPECT_NEAR(estimated / allocated, 1, 0.015);
}

class BlockTableTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(table.prepare()); }
  BlockTable table{};
};

TEST_F(BlockTableTest, FindsWhatWasInserted) {
  Entry replaced{}, out{};
  constexpr std::uint64_t kCount = 90'000;
  for (std::uint64_t i = 1; i <= kCount; ++i)
    ASSERT_TRUE(table.insert(0x7f0000000010 + i * 0x11000, {i, 1, static_cast<std::uint32_t>(i)}, replaced)) << i;
  for (std::uint64_t i = 1; i <= kCount; ++i) {
    ASSERT_TRUE(table.remove(0x7f0000000010 + i * 0x11000, out));
    EXPECT_EQ(out.bytes, i);
  }
  EXPECT_FALSE(table.remove(0x7f0000000010 + 0x11000, out)) << "only once";
}

TEST_F(BlockTableTest, AnAddressThatComesAgainReplaces) {
  Entry replaced{}, out{};
  ASSERT_TRUE(table.insert(0x1000, {5, 1, 1}, replaced));
  EXPECT_EQ(replaced.bytes, 0U);
  ASSERT_TRUE(table.insert(0x1000, {6, 1, 2}, replaced));
  EXPECT_EQ(replaced.bytes, 5U);
  ASSERT_TRUE(table.remove(0x1000, out));
  EXPECT_EQ(out.site, 2U);
  EXPECT_FALSE(table.remove(0x1000, out));
}

TEST_F(BlockTableTest, SaysWhenItIsFull) {
  Entry replaced{};
  std::uint64_t kept = 0;
  for (std::uint64_t i = 1; i <= 200'000; ++i) kept += table.insert(i * 64, {1, 1, 1}, replaced) ? 1U : 0U;
  EXPECT_GT(kept, 100'000U);
  EXPECT_LT(kept, 200'000U);
  table.clear();
  EXPECT_TRUE(table.insert(64, {1, 1, 1}, replaced));
  EXPECT_EQ(replaced.bytes, 0U);
}

TEST_F(BlockTableTest, NoAddressIsNone) {
  Entry replaced{}, out{};
  EXPECT_FALSE(table.insert(0, {1, 1, 1}, replaced));
  EXPECT_FALSE(table.remove(0, out));
}

}  // namespace
}  // namespace segwhy::runtime::account
