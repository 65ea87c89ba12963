#include <gtest/gtest.h>

#include "history/fake_recorder.h"
#include "memory/process_account.h"

namespace segwhy::memory {
namespace {

using history::FakeRecorder;

constexpr std::uint64_t kMiB = 1 << 20;

wire::SiteRecord site(std::uint32_t stack, std::uint64_t live, std::uint64_t blocks) {
  wire::SiteRecord record{};
  record.stack = stack;
  record.live_bytes = live;
  record.live_blocks = blocks;
  record.total_bytes = 2 * live;
  record.total_blocks = 2 * blocks;
  record.largest = blocks != 0 ? live / blocks : 0;
  return record;
}

TEST(ProcessAccount, AddsStacksOfOneLineUp) {
  FakeRecorder recorder;
  const auto one = recorder.stack("train.py", 12);
  const auto two = recorder.stack("train.py", 12, {0x401000});
  const auto other = recorder.stack("load.py", 3);
  recorder.sites(kMiB, 4);
  recorder.put_site(1, site(one, 10 * kMiB, 10));
  recorder.put_site(2, site(two, 30 * kMiB, 3));
  recorder.put_site(3, site(other, 5 * kMiB, 1));
  auto account = ProcessAccount::open(recorder.query());
  ASSERT_TRUE(account);
  ASSERT_TRUE(account->look(1.0));
  const MemoryUse use = account->use(recorder.query().now, {});
  ASSERT_EQ(use.sites.size(), 2U);
  EXPECT_EQ(use.sites[0].file, "/home/user/train.py");
  EXPECT_EQ(use.sites[0].line, 12);
  EXPECT_EQ(use.sites[0].live_bytes, 40 * kMiB);
  EXPECT_EQ(use.sites[0].live_blocks, 13U);
  EXPECT_EQ(use.sites[0].stacks, 2U);
  EXPECT_EQ(use.sites[0].largest, 10 * kMiB);
  EXPECT_EQ(use.live_bytes, 45 * kMiB);
  EXPECT_EQ(use.exact_from, kMiB);
}

TEST(ProcessAccount, RemembersThePeakAndTheSeries) {
  FakeRecorder recorder;
  const auto line = recorder.stack("train.py", 12);
  recorder.sites(kMiB, 2);
  auto account = ProcessAccount::open(recorder.query());
  ASSERT_TRUE(account);
  for (int i = 0; i < 10; ++i) {
    const std::uint64_t live = static_cast<std::uint64_t>(i < 5 ? i : 9 - i) * kMiB;
    recorder.put_site(1, site(line, live, 1));
    ASSERT_TRUE(account->look(i));
  }
  const MemoryUse use = account->use(recorder.query().now, {});
  EXPECT_EQ(use.peak_bytes, 4 * kMiB);
  EXPECT_EQ(use.peak_at_s, 5.0);
  ASSERT_EQ(use.sites.size(), 1U);
  EXPECT_EQ(use.sites[0].peak_bytes, 4 * kMiB);
  EXPECT_EQ(use.sites[0].live_bytes, 0U);
  EXPECT_EQ(use.sites[0].series.size(), 10U);
}

// After a kill the table is as it was; at an exit it is nearly empty, and was not looked at in between.
TEST(ProcessAccount, TheLastLookCountsWhenNothingWasFreed) {
  FakeRecorder recorder;
  const auto line = recorder.stack("train.py", 12);
  recorder.sites(kMiB, 2);
  auto account = ProcessAccount::open(recorder.query());
  recorder.put_site(1, site(line, 10 * kMiB, 10));
  ASSERT_TRUE(account->look(1));
  recorder.put_site(1, site(line, 30 * kMiB, 30));
  account->look_at_end(2, recorder.query().now);
  EXPECT_EQ(account->use(recorder.query().now, {}).live_bytes, 30 * kMiB);
  recorder.put_site(1, site(line, kMiB, 1));
  account->look_at_end(3, recorder.query().now);
  EXPECT_EQ(account->use(recorder.query().now, {}).live_bytes, 30 * kMiB);
}

// Taking a large program apart lasts, and holds everything for as long: a rise would look as if it had ended.
TEST(ProcessAccount, TheLastLookIsOfTheLastAllocation) {
  FakeRecorder recorder;
  const auto line = recorder.stack("train.py", 12);
  recorder.sites(kMiB, 2);
  auto account = ProcessAccount::open(recorder.query());
  recorder.put_site(1, site(line, 10 * kMiB, 10));
  ASSERT_TRUE(account->look(1));
  const wire::ClockPair now = recorder.query().now;
  auto last = site(line, 30 * kMiB, 30);
  last.latest_ticks = now.ticks - (now.ticks - recorder.header.first_clock.ticks) / 4;
  recorder.put_site(1, last);
  const auto age = history::age_s(recorder.header, now, last.latest_ticks);
  ASSERT_TRUE(age);
  account->look_at_end(*age + 5, now);
  EXPECT_NEAR(account->use(now, {}).sites.at(0).series.back().at_s, 5, 1e-6);
}

TEST(ProcessAccount, UnknownStacksAreToldApart) {
  FakeRecorder recorder;
  recorder.sites(kMiB, 2);
  recorder.put_site(0, site(0, 7 * kMiB, 1));
  recorder.put_site(1, site(999'999, 3 * kMiB, 1));
  auto account = ProcessAccount::open(recorder.query());
  ASSERT_TRUE(account->look(1.0));
  const MemoryUse use = account->use(recorder.query().now, {});
  EXPECT_TRUE(use.sites.empty());
  EXPECT_EQ(use.unknown_bytes, 10 * kMiB);
}

TEST(ProcessAccount, HostileTables) {
  FakeRecorder recorder;
  recorder.sites(kMiB, 0xffffffff);
  recorder.put_site(1, site(1, ~std::uint64_t{0} - 5, ~std::uint64_t{0}));
  auto account = ProcessAccount::open(recorder.query());
  ASSERT_TRUE(account->look(1.0));
  EXPECT_EQ(account->use(recorder.query().now, {}).live_bytes, 0U) << "below zero for a moment";
  recorder.sites(0, 4);
  EXPECT_FALSE(account->look(2.0)) << "no account";
}

TEST(SiteHistory, ALongRunFits) {
  SiteHistory history;
  SiteTable table;
  table.sites.resize(2);
  table.sites[1].stack = 1;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    table.sites[1].live_bytes = i;
    table.sites[1].total_blocks = i + 1;
    history.add(static_cast<double>(i), table, [](std::uint32_t) { return LineKey{"a.py", 1, "f", false, 0}; });
  }
  ASSERT_EQ(history.lines().size(), 1U);
  const auto& series = history.lines()[0].series;
  EXPECT_LE(series.size(), SiteHistory::kPoints);
  EXPECT_EQ(series.front().at_s, 0);
  EXPECT_EQ(series.back().at_s, 99'999);
}

TEST(SiteHistory, WhatDoesNotChangeTakesTwoPoints) {
  SiteHistory history;
  SiteTable table;
  table.sites.resize(2);
  table.sites[1] = {1, false, 500, 1, 500, 1, 500, 0, 0};
  for (int i = 0; i < 1000; ++i) history.add(i, table, [](std::uint32_t) { return LineKey{"a.py", 1, "f", false, 0}; });
  ASSERT_EQ(history.lines()[0].series.size(), 2U);
  EXPECT_EQ(history.lines()[0].series[1].at_s, 999);
}

history::RecordedPythonFrame frame(const char* file, int line) {
  history::RecordedPythonFrame out;
  out.file = file;
  out.location.line = line;
  return out;
}

TEST(LineKey, TakesTheUsersInnermostLine) {
  history::RecordedStack stack;
  stack.python = {frame("/x/lib/python3.11/site-packages/tensorflow/ops.py", 7),
                  frame("/x/lib/python3.11/threading.py", 9), frame("/home/user/train.py", 12),
                  frame("/home/user/main.py", 3)};
  EXPECT_EQ(LineNamer().key_of(stack).file, "/home/user/train.py");
  EXPECT_EQ(LineNamer().key_of(stack).line, 12);
  EXPECT_FALSE(LineNamer().key_of(stack).importing);
}

TEST(LineKey, KnowsAnImport) {
  history::RecordedStack stack;
  stack.python = {frame("/x/lib/python3.11/site-packages/tensorflow/__init__.py", 7),
                  frame("<frozen importlib._bootstrap>", 241), frame("/home/user/train.py", 1)};
  EXPECT_TRUE(LineNamer().key_of(stack).importing);
}

TEST(LineKey, NativeCodeWithoutPython) {
  history::RecordedStack stack;
  stack.native = {0x1000, 0x2000, 0x3000};
  EXPECT_EQ(LineNamer().key_of(stack).native, 0x2000U);
}

}  // namespace
}  // namespace segwhy::memory
