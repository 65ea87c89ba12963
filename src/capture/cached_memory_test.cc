#include "capture/cached_memory.h"

#include <gtest/gtest.h>

namespace segwhy {
namespace {

// Readable in [start, end); every byte is the low byte of its address plus `generation`.
class CountingSource final : public MemoryReader {
 public:
  CountingSource(std::uint64_t start, std::uint64_t end) : start_(start), end_(end) {}
  std::size_t read(TargetAddr from, std::span<std::byte> out) override {
    ++calls;
    std::size_t n = 0;
    for (; n < out.size() && from.value() + n >= start_ && from.value() + n < end_; ++n) {
      out[n] = static_cast<std::byte>(from.value() + n);
    }
    return n;
  }
  int calls = 0;

 private:
  std::uint64_t start_, end_;
};

struct Fixture {
  explicit Fixture(std::size_t fetch_pages, std::uint64_t start = 0x10000, std::uint64_t end = 0x20000) {
    auto owned = std::make_unique<CountingSource>(start, end);
    source = owned.get();
    memory = std::make_unique<CachedMemory>(std::move(owned), fetch_pages);
  }
  CountingSource* source;
  std::unique_ptr<CachedMemory> memory;
};

TEST(CachedMemory, SmallReadsCostOneCallPerFetch) {
  const Fixture f(4);
  for (std::uint64_t at = 0x10000; at < 0x14000; at += 8) {
    EXPECT_EQ(f.memory->value<std::uint8_t>(TargetAddr(at)), static_cast<std::uint8_t>(at));
  }
  EXPECT_EQ(f.source->calls, 1);
}

TEST(CachedMemory, ReadsAcrossPagesAndEndsWhereMemoryDoes) {
  const Fixture f(1);
  std::array<std::byte, 64> bytes{};
  EXPECT_EQ(f.memory->read(TargetAddr(0x10ff0), bytes), 64U);
  EXPECT_EQ(bytes[16], std::byte{0x00});
  EXPECT_EQ(bytes[63], std::byte{0x2f});
  EXPECT_EQ(f.memory->read(TargetAddr(0x1fff0), bytes), 16U);
  EXPECT_EQ(f.memory->read(TargetAddr(0x20000), bytes), 0U);
}

TEST(CachedMemory, UnreadablePagesAreAskedForOnce) {
  const Fixture f(4);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(f.memory->value<int>(TargetAddr(0x5000)));
  EXPECT_EQ(f.source->calls, 1);
}

TEST(CachedMemory, AFailureAheadDoesNotHideAPageBehind) {
  const Fixture f(4);
  EXPECT_FALSE(f.memory->value<int>(TargetAddr(0xf000)));
  EXPECT_TRUE(f.memory->value<int>(TargetAddr(0x10000)));
}

TEST(CachedMemory, LargeReadsPassThrough) {
  const Fixture f(1);
  std::vector<std::byte> bytes(0x10000);
  EXPECT_EQ(f.memory->read(TargetAddr(0x10000), bytes), 0x10000U);
  EXPECT_EQ(f.source->calls, 1);
}

TEST(CachedMemory, TheEndOfTheAddressSpaceDoesNotWrap) {
  const Fixture f(2, 0, UINT64_MAX);
  std::array<std::byte, 64> bytes{};
  EXPECT_LE(f.memory->read(TargetAddr(UINT64_MAX - 8), bytes), 9U);
  EXPECT_LE(f.memory->read(TargetAddr(UINT64_MAX), bytes), 1U);
}

TEST(CachedMemory, ForgetsRatherThanGrowsWithoutBound) {
  const Fixture f(1, 0, std::uint64_t{1} << 40);
  for (std::uint64_t page = 0; page < 40000; ++page) {
    ASSERT_EQ(f.memory->value<std::uint8_t>(TargetAddr(page * 4096 + 5)), 5);
  }
  EXPECT_EQ(f.source->calls, 40000);
}

}  // namespace
}  // namespace segwhy
