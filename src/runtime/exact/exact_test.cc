// Blocks, bounds and findings, with plain loads and stores.
#include "runtime/exact/exact.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include <atomic>
#include <thread>

#include "runtime/exact/blocks.h"
#include "runtime/exact/testing/harness.h"

namespace segwhy::runtime::exact {
namespace {

using ::testing::IsEmpty;
using testing::record_of;
using ::testing::SizeIs;
using testing::take_findings;

class Exact : public ::testing::Test {
 protected:
  void SetUp() override {
    table = &testing::start_exact();
    (void)take_findings();
  }

  static volatile char* block(std::size_t size, std::size_t alignment = 64) {
    return static_cast<volatile char*>(allocate(size, alignment, 7));
  }
  static void* plain(volatile char* pointer) { return const_cast<char*>(pointer); }

  wire::AccessTable* table = nullptr;
};

TEST_F(Exact, BlocksAreAlignedAsAskedAndNoMore) {
  for (const std::size_t alignment : {1u, 8u, 16u, 32u, 64u, 128u, 512u, 2048u}) {
    void* const pointer = allocate(100, alignment, 0);
    ASSERT_NE(pointer, nullptr);
    const auto address = reinterpret_cast<std::uintptr_t>(pointer);
    const std::uintptr_t least = alignment < 16 ? 16 : alignment;
    EXPECT_EQ(address % least, 0u);
    EXPECT_NE(address % (2 * least), 0u);
    EXPECT_TRUE(owns(pointer));
    EXPECT_EQ(usable_size(pointer), 100u);
    EXPECT_EQ(release(pointer, 0), Release::kReleased);
    EXPECT_EQ(usable_size(pointer), 0u);
  }
}

TEST_F(Exact, WhatDoesNotFitIsLeftToOthers) {
  EXPECT_EQ(allocate(0, 64, 0), nullptr);
  EXPECT_EQ(allocate(100, 4096, 0), nullptr);
  EXPECT_EQ(allocate(std::size_t{1} << 40, 64, 0), nullptr);
  int local = 0;
  EXPECT_FALSE(owns(&local));
  EXPECT_EQ(usable_size(&local), 0u);
  EXPECT_EQ(release(&local, 0), Release::kInvalid);
  EXPECT_EQ(direct(&local), &local);
}

[[nodiscard]] long cpu_milliseconds(std::thread& thread) {
  clockid_t clock{};
  timespec used{};
  pthread_getcpuclockid(thread.native_handle(), &clock);
  clock_gettime(clock, &used);
  return used.tv_sec * 1000 + used.tv_nsec / 1'000'000;
}

// However long the fork takes: both would change the same lists, or the copy.
TEST_F(Exact, NobodyAllocatesWhileAnotherThreadForks) {
  lock_blocks();
  std::atomic<void*> made{nullptr};
  std::thread other([&] { made = allocate(100, 64, 0); });
  while (cpu_milliseconds(other) < 500 && made == nullptr) std::this_thread::yield();
  EXPECT_EQ(made.load(), nullptr);
  unlock_blocks();
  other.join();
  EXPECT_EQ(release(made.load(), 0), Release::kReleased);
}

TEST_F(Exact, LoadsAndStoresGoThrough) {
  volatile char* const bytes = block(1000);
  for (int i = 0; i < 1000; ++i) bytes[i] = static_cast<char>(i * 7);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(bytes[i], static_cast<char>(i * 7));
  EXPECT_EQ(record_of(plain(bytes)).accesses, 2000u);
  EXPECT_EQ(static_cast<const char*>(direct(plain(bytes)))[3], 21);
  EXPECT_THAT(take_findings(), IsEmpty());
  release(plain(bytes), 0);
}

TEST_F(Exact, TheLogTellsTheLastAccesses) {
  volatile char* const bytes = block(64);
  for (int i = 0; i < 20; ++i) bytes[i] = 1;
  const wire::WatchedBlock& record = record_of(plain(bytes));
  for (std::uint64_t number = 12; number < 20; ++number) {
    const wire::Access& access = record.log[number % wire::kLoggedAccesses];
    EXPECT_EQ(access.offset, static_cast<std::int64_t>(number));
    EXPECT_EQ(access.width, 1u);
    EXPECT_EQ(access.flags, wire::kAccessWrite);
    EXPECT_NE(access.pc, 0u);
  }
  release(plain(bytes), 0);
}

TEST_F(Exact, OneByteBehindIsFoundWithItsBlock) {
  volatile char* const bytes = block(24);
  bytes[23] = 1;
  EXPECT_THAT(take_findings(), IsEmpty());
  bytes[24] = 1;
  const auto findings = take_findings();
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].access.offset, 24);
  EXPECT_EQ(findings[0].access.width, 1u);
  EXPECT_EQ(findings[0].access.flags, wire::kAccessWrite | wire::kAccessOutOfBounds);
  EXPECT_EQ(findings[0].block.address, reinterpret_cast<std::uintptr_t>(bytes));
  EXPECT_EQ(findings[0].block.size, 24u);
  EXPECT_EQ(findings[0].block.allocation_stack, 7u);
  EXPECT_EQ(findings[0].registers.rip, findings[0].access.pc);
  const char written = bytes[24];  // carried out all the same
  EXPECT_EQ(written, 1);
  release(plain(bytes), 0);
}

TEST_F(Exact, OneByteBeforeIsFound) {
  volatile char* const bytes = block(24);
  const char before = bytes[-1];
  EXPECT_EQ(before, 0);
  const auto findings = take_findings();
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].access.offset, -1);
  EXPECT_EQ(findings[0].access.flags, wire::kAccessRead | wire::kAccessOutOfBounds);
  release(plain(bytes), 0);
}

TEST_F(Exact, AnAccessThatBeginsInsideAndEndsOutsideIsFound) {
  volatile char* const bytes = block(30);
  EXPECT_EQ(*reinterpret_cast<volatile std::uint64_t*>(bytes + 24), 0u);
  const auto findings = take_findings();
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].access.offset, 24);
  EXPECT_EQ(findings[0].access.width, 8u);
  release(plain(bytes), 0);
}

TEST_F(Exact, GuardPagesAreNamedAfterTheNearerBlock) {
  volatile char* const first = block(4000);
  volatile char* const second = block(4000);
  ASSERT_GT(second, first);
  const char behind = first[4000 + 100];
  const char before = second[-200];
  EXPECT_EQ(behind + before, 0);
  const auto findings = take_findings();
  ASSERT_THAT(findings, SizeIs(2));
  EXPECT_EQ(findings[0].access.offset, 4100);
  EXPECT_EQ(findings[1].access.offset, -200);
  release(plain(first), 0);
  release(plain(second), 0);
}

TEST_F(Exact, UseAfterFreeIsFoundAndTheContentsStay) {
  volatile char* const bytes = block(24);
  bytes[5] = 42;
  EXPECT_EQ(release(plain(bytes), 9), Release::kReleased);
  const char stale = bytes[5];
  EXPECT_EQ(stale, 42);
  const auto findings = take_findings();
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].access.flags, wire::kAccessRead | wire::kAccessAfterFree);
  EXPECT_EQ(findings[0].block.free_stack, 9u);
  EXPECT_EQ(release(plain(bytes), 0), Release::kDouble);
  EXPECT_EQ(release(plain(bytes + 8), 0), Release::kInvalid);
}

TEST_F(Exact, AnInstructionIsReportedOnce) {
  volatile char* const bytes = block(24);
  for (int i = 0; i < 10; ++i) bytes[24 + i] = 1;
  const auto findings = take_findings();
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].repeats, 9u);
  release(plain(bytes), 0);
}

TEST_F(Exact, OfLargeBlocksTheEndsAreWatched) {
  constexpr std::size_t kSize = 1 << 20;
  volatile char* const bytes = block(kSize);
  const std::uint64_t before = testing::accesses_carried_out();
  bytes[kSize / 2] = 1;
  EXPECT_EQ(testing::accesses_carried_out(), before);
  bytes[0] = 1;
  bytes[kSize - 1] = 1;
  EXPECT_EQ(testing::accesses_carried_out(), before + 2);
  bytes[kSize] = 1;
  EXPECT_THAT(take_findings(), SizeIs(1));
  release(plain(bytes), 0);
  const char stale = bytes[kSize / 2];  // freed, all of it is watched
  EXPECT_EQ(stale, 1);
  EXPECT_THAT(take_findings(), SizeIs(1));
}

TEST_F(Exact, ABlockIsWatchedForItsBudget) {
  auto* const bytes = static_cast<volatile char*>(allocate(100, 64, 0, 10));
  for (int i = 0; i < 50; ++i) bytes[i] = static_cast<char>(i);
  EXPECT_EQ(record_of(plain(bytes)).accesses, 10u);
  EXPECT_EQ(record_of(plain(bytes)).watch_end, wire::kWatchBudget);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(bytes[i], i);
  release(plain(bytes), 0);
  bytes[0] = 1;
  EXPECT_THAT(take_findings(), SizeIs(1));  // freed, it is watched again
}

TEST_F(Exact, FreedBlocksAreRecycledOldestFirstAndOnlyWhenNeeded) {
  constexpr std::size_t kSize = 1 << 20;
  void* const first = allocate(kSize, 64, 0);
  release(first, 0);
  bool came_back = false;
  int rounds = 0;
  for (; rounds < 1000 && !came_back; ++rounds) {
    void* const next = allocate(kSize, 64, 0);
    ASSERT_NE(next, nullptr);
    came_back = next == first;
    release(next, 0);
  }
  EXPECT_TRUE(came_back);
  EXPECT_GT(rounds, 30);  // 64 MiB of quarantine
}

TEST_F(Exact, LibcStringFunctionsMayReadTheWordTheyEndIn) {
  char text[200];
  for (std::size_t length = 0; length < 150; ++length) {
    auto* const copy = static_cast<char*>(allocate(length + 1, 16, 0));
    memset(text, 'x', length);
    text[length] = '\0';
    memcpy(copy, text, length + 1);
    EXPECT_EQ(strlen(copy), length);
    EXPECT_EQ(strcmp(copy, text), 0);
    EXPECT_EQ(memchr(copy, 'y', length + 1), nullptr);
    EXPECT_EQ(strchr(copy, 'y'), nullptr);
    EXPECT_EQ(strrchr(copy, 'y'), nullptr);
    EXPECT_EQ(memcmp(copy, text, length + 1), 0);
    EXPECT_EQ(strnlen(copy, length), length);
    release(copy, 0);
  }
  EXPECT_THAT(take_findings(), IsEmpty());
}

TEST_F(Exact, LibcStringFunctionsMayNotRunAway) {
  auto* const text = static_cast<char*>(allocate(600, 64, 0));
  memset(direct(text), 'x', 2000);
  EXPECT_GT(strlen(text), 600u);
  const auto findings = take_findings();
  ASSERT_THAT(findings, ::testing::Not(IsEmpty()));
  EXPECT_LE(findings[0].access.offset, 600 + 256);
  release(text, 0);
}

TEST_F(Exact, CopiesAreExact) {
  auto* const source = static_cast<char*>(allocate(100, 64, 0));
  char target[200];
  for (std::size_t size = 1; size <= 100; ++size) memcpy(target, source, size);
  EXPECT_THAT(take_findings(), IsEmpty());
  memcpy(target, source, 101);
  EXPECT_THAT(take_findings(), ::testing::Not(IsEmpty()));
  release(source, 0);
}

}  // namespace
}  // namespace segwhy::runtime::exact
