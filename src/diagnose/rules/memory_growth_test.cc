#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

#include "diagnose/diagnose.h"
#include "diagnose/site_growth.h"

namespace segwhy {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr std::uint64_t kMiB = 1 << 20;
constexpr int kLooks = 100;

// A site that holds `bytes(part)` at `part` (0 to 1) of a run of ten seconds.
MemorySite site(const std::function<double(double)>& bytes) {
  MemorySite out;
  out.file = "/home/user/train.py";
  out.line = 12;
  out.kind = "array";
  out.largest = kMiB;
  for (int i = 0; i < kLooks; ++i) {
    const double part = static_cast<double>(i) / (kLooks - 1);
    SitePoint& point = out.series.emplace_back();
    point.at_s = 10 * part;
    point.bytes = static_cast<std::uint64_t>(bytes(part) * kMiB);
    point.allocations = static_cast<std::uint64_t>(2 * i);
  }
  out.live_bytes = out.series.back().bytes;
  return out;
}

bool grows(const std::function<double(double)>& bytes) {
  return growth_of(site(bytes), 4 * kMiB).has_value();
}

TEST(SiteGrowth, SteadyGrowthWithItsRate) {
  const MemorySite linear = site([](double t) { return 200 * t; });
  const auto growth = growth_of(linear, 4 * kMiB);
  ASSERT_TRUE(growth);
  EXPECT_NEAR(growth->bytes_per_second, 20.0 * kMiB, 0.5 * kMiB);
  EXPECT_NEAR(growth->bytes_per_step, 1.0 * kMiB, 0.1 * kMiB);
  EXPECT_GT(growth->z, 3.5);
}

TEST(SiteGrowth, GrowthWithTemporariesOnTop) {
  EXPECT_TRUE(grows([](double t) { return 200 * t + (static_cast<int>(t * 99) % 3 == 0 ? 30 : 0); }));
}

TEST(SiteGrowth, GrowthThatStartsLate) {
  EXPECT_TRUE(grows([](double t) { return t < 0.5 ? 0 : 200 * (t - 0.5); })) << "its life begins with its first block";
}

TEST(SiteGrowth, GrowthWithCollectionsInBetween) {
  EXPECT_TRUE(grows([](double t) { return 100 * t + static_cast<int>(t * 99) % 10; }));
}

TEST(SiteGrowth, ACacheThatFillsUpIsNone) {
  EXPECT_FALSE(grows([](double t) { return std::min(200 * t, 80.0); }));
  EXPECT_FALSE(grows([](double t) { return std::min(200 * t, 160.0); }));
}

TEST(SiteGrowth, WhatComesCloserToABoundIsNone) {
  EXPECT_FALSE(grows([](double t) { return 100 * (1 - std::exp(-5 * t)); }));
}

TEST(SiteGrowth, ASawIsNone) {
  EXPECT_FALSE(grows([](double t) { return 50 * (4 * t - static_cast<int>(4 * t)); }));
}

TEST(SiteGrowth, AJumpIsNone) {
  EXPECT_FALSE(grows([](double t) { return t < 0.5 ? 1 : 100; }));
  EXPECT_FALSE(grows([](double t) { return t < 0.95 ? 1 : 100; }));
}

TEST(SiteGrowth, NoiseAroundALevelIsNone) {
  EXPECT_FALSE(grows([](double t) { return 100 + static_cast<int>(t * 7919) % 17; }));
}

// Blocks that replace each other, of random sizes, sampled: what is held wanders around a level, at any place of which
// the run may end.
TEST(SiteGrowth, ChanceAroundALevelIsNone) {
  std::minstd_rand random(7);
  std::uniform_real_distribution<double> size(-10, 10);
  for (int run = 0; run < 1000; ++run) {
    double wander = 0;
    EXPECT_FALSE(grows([&](double) { return 100 + (wander = wander / 2 + size(random)); })) << "in run " << run;
  }
}

TEST(SiteGrowth, LittleIsNotWorthAWord) {
  EXPECT_FALSE(grows([](double t) { return 3 * t; }));
}

TEST(SiteGrowth, FewLooksProveNothing) {
  MemorySite few = site([](double t) { return 200 * t; });
  few.series.resize(6);
  EXPECT_FALSE(growth_of(few, 4 * kMiB));
  EXPECT_FALSE(growth_of(MemorySite{}, 4 * kMiB));
}

TEST(SiteGrowth, FewAllocationsAreNoSteps) {
  MemorySite one = site([](double t) { return 200 * t; });
  for (SitePoint& point : one.series) point.allocations = 3;
  EXPECT_FALSE(growth_of(one, 4 * kMiB)) << "one block that is resized";
}

TEST(SiteGrowth, ImportsAreLeftOut) {
  MemoryUse use;
  use.sites.push_back(site([](double t) { return 200 * t; }));
  EXPECT_EQ(growing_sites(use).size(), 1U);
  use.sites[0].importing = true;
  EXPECT_TRUE(growing_sites(use).empty());
}

Case ended(int status) {
  Case c;
  c.death.kind = "exit";
  c.death.exit_code = status;
  c.memory.emplace().asked = true;
  c.memory->sites.push_back(site([](double t) { return 200 * t; }));
  return c;
}

TEST(MemoryGrowth, IsTheVerdictOfAProgramThatEndedWell) {
  const Verdict v = diagnose(ended(0));
  EXPECT_EQ(v.verdict_class, "memory-growth");
  EXPECT_EQ(v.confidence, Confidence::kLikely);
  ASSERT_TRUE(v.where);
  EXPECT_EQ(v.where->line, 12);
  EXPECT_THAT(v.summary, HasSubstr("train.py:12"));
}

Holder holder(const char* path, std::optional<std::uint64_t> bytes) {
  Holder out;
  out.type = "list of bytearray";
  out.path = path;
  out.length = 990;
  out.bytes = bytes;
  return out;
}

TEST(MemoryGrowth, NamesWhoHoldsIt) {
  Case c = ended(0);
  c.memory->sites[0].holders = {holder("__main__.history", 94 * kMiB), holder("__main__.other", std::nullopt)};
  const Verdict v = diagnose(c);
  EXPECT_THAT(
      v.evidence,
      Contains("What train.py:12 makes is held by __main__.history (list of bytearray, 990 items, about 94.0 MiB)."));
  EXPECT_THAT(v.advice, Contains(HasSubstr("Drop or bound __main__.history")));
  for (const std::string& sentence : v.evidence) EXPECT_THAT(sentence, Not(HasSubstr("__main__.other")));
}

TEST(MemoryGrowth, AHolderOfUnknownWeightIsNotCalledOne) {
  Case c = ended(0);
  c.memory->sites[0].holders = {holder("__main__.history", std::nullopt)};
  const Verdict v = diagnose(c);
  EXPECT_THAT(v.evidence,
              Contains("What grew along with train.py:12: __main__.history (list of bytearray, 990 items)."));
  for (const std::string& sentence : v.evidence) EXPECT_THAT(sentence, Not(HasSubstr("held by")));
  for (const std::string& advice : v.advice) EXPECT_THAT(advice, Not(HasSubstr("__main__.history")));
}

TEST(MemoryGrowth, SaysWhenTheLimitIsHit) {
  Case c = ended(0);
  Cgroup& cgroup = c.machine.cgroup.emplace();
  cgroup.path = "/job";
  cgroup.memory_limit = 1000 * kMiB;
  cgroup.memory_current = 800 * kMiB;
  const auto growing = growing_sites(*c.memory);
  const auto next = forecast(c.machine, growing);
  ASSERT_TRUE(next);
  EXPECT_NEAR(next->seconds, 10, 0.5);
  EXPECT_THAT(next->limit, HasSubstr("/job"));
}

TEST(MemoryGrowth, OfAProgramThatFailsOnlyWhenAsked) {
  EXPECT_EQ(diagnose(ended(3)).verdict_class, "memory-growth");
  Case c = ended(3);
  c.memory->asked = false;
  EXPECT_EQ(diagnose(c).verdict_class, "ok");
}

TEST(MemoryGrowth, NeverOfAProgramThatWasKilled) {
  Case c = ended(0);
  c.death.kind = "signal";
  c.death.exit_code.reset();
  c.death.signal = 9;
  EXPECT_NE(diagnose(c).verdict_class, "memory-growth");
}

}  // namespace
}  // namespace segwhy
