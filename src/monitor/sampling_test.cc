#include "monitor/sampling.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

namespace segwhy {
namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kOld = 1'000'000 * kMs;  // age of a run that has paid for its samples
constexpr std::uint64_t kMiB = 1 << 20;

TEST(SamplePace, SlowsDownToASecondWhileNothingMoves) {
  SamplePace pace;
  std::uint64_t interval = pace.next_interval(100 * kMiB, 1000, kOld);
  for (int i = 0; i < 50; ++i) {
    const std::uint64_t next = pace.next_interval(100 * kMiB, 1000, kOld);
    EXPECT_GE(next, interval);
    interval = next;
  }
  EXPECT_EQ(interval, 1000 * kMs);
}

TEST(SamplePace, IsQuickWhileMemoryMoves) {
  SamplePace pace;
  for (int i = 0; i < 50; ++i) pace.next_interval(100 * kMiB, 1000, kOld);
  std::uint64_t interval = 0;
  for (std::uint64_t i = 1; i <= 20; ++i) interval = pace.next_interval((100 + 50 * i) * kMiB, 1000, kOld);
  EXPECT_EQ(interval, 10 * kMs);
}

TEST(SamplePace, NeverCostsMoreThanAThousandth) {
  SamplePace pace;
  EXPECT_GE(pace.next_interval(1, 5 * kMs, kOld), 5000 * kMs);
}

TEST(SamplePace, AFineOneStaysWithinAFiftieth) {
  SamplePace pace(true);
  std::uint64_t age = 0, spent = 0;
  for (std::uint64_t i = 0; i < 2000; ++i, spent += kMs) age += pace.next_interval(i << 30, kMs, age);
  EXPECT_GE(age, 45 * spent) << "but for what may be spent at the beginning";
}

TEST(SamplePace, AFineOneNeverWaitsLongForALookThatWasDear) {
  SamplePace pace(true);
  EXPECT_LE(pace.next_interval(1, 500 * kMs, 1000 * kMs), 5100 * kMs);
  EXPECT_LE(pace.next_interval(1, kMs, 2000 * kMs), 110 * kMs);
}

TEST(SamplePace, AFineOneLooksOftenFromTheBeginning) {
  SamplePace pace(true);
  std::uint64_t age = 0, looks = 0;
  for (; age < 2000 * kMs; ++looks) age += pace.next_interval(100 * kMiB, 1000, age);
  EXPECT_GE(looks, 60U);
  for (int i = 0; i < 50; ++i) EXPECT_LE(pace.next_interval(100 * kMiB, 1000, kOld), 1000 * kMs);
}

TEST(SampleHistory, StaysBoundedAndKeepsEndsAndOrder) {
  SampleHistory history;
  constexpr std::uint64_t kCount = 100'000;
  for (std::uint64_t i = 0; i < kCount; ++i) history.add({i, i, {}, {}, {}});
  const auto& samples = history.samples();
  EXPECT_LE(samples.size(), SampleHistory::kCapacity);
  EXPECT_EQ(samples.front().at_ns, 0U);
  EXPECT_EQ(samples.back().at_ns, kCount - 1);
  EXPECT_TRUE(std::is_sorted(samples.begin(), samples.end(), [](auto& a, auto& b) { return a.at_ns < b.at_ns; }));
  // The last ones are all there.
  EXPECT_EQ(samples[samples.size() - 40].at_ns, kCount - 40);
}

TEST(MemorySampler, SeesThisProcess) {
  MemorySampler sampler(0, read_baseline(::getpid()));
  EXPECT_GT(sampler.sample_if_due({::getpid()}), 0);
  const auto samples = sampler.samples_of(::getpid());
  ASSERT_EQ(samples.size(), 1U);
  EXPECT_GT(samples[0].rss, 0U);
  EXPECT_EQ(samples[0].rss, samples[0].tree_rss);
  EXPECT_EQ(sampler.peak_of(::getpid()), samples[0].rss);
  EXPECT_FALSE(sampler.peak_of(1 << 30));
}

}  // namespace
}  // namespace segwhy
