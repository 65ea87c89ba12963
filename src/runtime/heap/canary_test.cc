#include "runtime/heap/canary.h"

#include <gtest/gtest.h>

#include <array>

namespace segwhy::runtime::heap {
namespace {

constexpr uint64_t kKey = usable_key(0x0123456789abcdef);

class CanaryTest : public ::testing::Test {
 protected:
  [[nodiscard]] uintptr_t at(size_t offset) const { return reinterpret_cast<uintptr_t>(bytes_.data()) + offset; }

  alignas(64) std::array<uint8_t, 256> bytes_{};
};

TEST_F(CanaryTest, IsWholeAtEveryAlignment) {
  for (size_t begin = 0; begin < 16; ++begin) {
    for (size_t end = begin; end < 40; ++end) {
      bytes_.fill(0);
      fill_canary(kKey, at(begin), at(end));
      EXPECT_EQ(check_canary(kKey, at(begin), at(end)), at(end)) << begin << ' ' << end;
      EXPECT_EQ(bytes_[end], 0) << "writes nothing behind its end";
      if (begin > 0) {
        EXPECT_EQ(bytes_[begin - 1], 0);
      }
    }
  }
}

TEST_F(CanaryTest, FindsTheFirstChangedByte) {
  for (size_t changed = 3; changed < 61; ++changed) {
    fill_canary(kKey, at(3), at(61));
    bytes_[changed] = 0;
    bytes_[60] ^= 1;
    EXPECT_EQ(check_canary(kKey, at(3), at(61)), at(changed));
  }
}

TEST_F(CanaryTest, HasNoByteThatTextOrZerosHave) {
  fill_canary(usable_key(0), at(0), at(64));
  for (size_t i = 0; i < 64; ++i) EXPECT_GE(bytes_[i], 0x80);
}

}  // namespace
}  // namespace segwhy::runtime::heap
