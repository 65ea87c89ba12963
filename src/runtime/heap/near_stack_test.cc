#include "runtime/heap/near_stack.h"

#include <gtest/gtest.h>

namespace segwhy::runtime::heap {
namespace {

constexpr uintptr_t kFrame = 0x7f0000000000;
constexpr uintptr_t kFarThread = 0x7e0000000000;  // the main thread's control block
constexpr uintptr_t kTop = kFrame + 0x100000;     // of the main thread's stack

TEST(NearStack, LocalsOfCallersAreNear) {
  EXPECT_TRUE(is_near_stack(kFrame, kFrame, kFarThread, kTop));
  EXPECT_TRUE(is_near_stack(kFrame + kNearStack - 1, kFrame, kFarThread, kTop));
  EXPECT_TRUE(is_near_stack(kFrame + 0xfff, kFrame, kFrame + 0x1000, 0));
}

TEST(NearStack, WhatLiesBelowOrFarAboveIsNot) {
  EXPECT_FALSE(is_near_stack(kFrame - 1, kFrame, kFarThread, kTop));
  EXPECT_FALSE(is_near_stack(kFrame + kNearStack, kFrame, kFarThread, kTop));
}

TEST(NearStack, HeapBehindTheThreadsStackIsNot) {
  EXPECT_FALSE(is_near_stack(kFrame + 0x1000, kFrame, kFrame + 0x1000, 0));
  EXPECT_FALSE(is_near_stack(kFrame + 0x2400, kFrame, kFrame + 0x1000, 0));
}

TEST(NearStack, DistantControlBlockDoesNotWidenTheReach) {
  EXPECT_FALSE(is_near_stack(kFrame + kNearStack, kFrame, kFrame + 2 * kNearStack, 0));
}

TEST(NearStack, AFibresFrameTellsNothing) {
  EXPECT_FALSE(is_near_stack(kFrame, kFrame, kFarThread, kFrame + 2 * kMainStack));
}

TEST(NearStack, NothingLiesAboveTheMainStack) {
  EXPECT_FALSE(is_near_stack(kTop, kTop - 0x100, kFarThread, kTop));
}

}  // namespace
}  // namespace segwhy::runtime::heap
