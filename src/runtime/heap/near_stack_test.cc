#include "runtime/heap/near_stack.h"

#include <gtest/gtest.h>

namespace segwhy::runtime::heap {
namespace {

constexpr uintptr_t kFrame = 0x7f0000000000;
constexpr uintptr_t kFarThread = 0x7e0000000000;  // the main thread's control block

TEST(NearStack, LocalsOfCallersAreNear) {
  EXPECT_TRUE(is_near_stack(kFrame, kFrame, kFarThread));
  EXPECT_TRUE(is_near_stack(kFrame + kNearStack - 1, kFrame, kFarThread));
  EXPECT_TRUE(is_near_stack(kFrame + 0xfff, kFrame, kFrame + 0x1000));
}

TEST(NearStack, WhatLiesBelowOrFarAboveIsNot) {
  EXPECT_FALSE(is_near_stack(kFrame - 1, kFrame, kFarThread));
  EXPECT_FALSE(is_near_stack(kFrame + kNearStack, kFrame, kFarThread));
}

TEST(NearStack, HeapBehindTheThreadsStackIsNot) {
  EXPECT_FALSE(is_near_stack(kFrame + 0x1000, kFrame, kFrame + 0x1000));
  EXPECT_FALSE(is_near_stack(kFrame + 0x2400, kFrame, kFrame + 0x1000));
}

TEST(NearStack, DistantControlBlockDoesNotWidenTheReach) {
  EXPECT_FALSE(is_near_stack(kFrame + kNearStack, kFrame, kFrame + 2 * kNearStack));
}

}  // namespace
}  // namespace segwhy::runtime::heap
