#include "monitor/protection.h"

#include <gtest/gtest.h>

namespace segwhy {
namespace {

TEST(Protection, NamesFollowTheModes) {
  EXPECT_EQ(protect_mode("off"), wire::kProtectOff);
  EXPECT_EQ(protect_mode("sampled"), wire::kProtectSampled);
  EXPECT_EQ(protect_mode("tensors"), wire::kProtectTensors);
  EXPECT_EQ(protect_mode("exact"), wire::kProtectExact);
  EXPECT_EQ(protect_mode("all"), wire::kProtectAll);
}

TEST(Protection, SamplingSpendsTheLeast) {
  EXPECT_LT(usual_budget_permille(wire::kProtectSampled), usual_budget_permille(wire::kProtectTensors));
  EXPECT_LT(usual_budget_permille(wire::kProtectTensors), usual_budget_permille(wire::kProtectAll));
}

TEST(Protection, ChangesTheEnvironmentOnlyWhereItHasTo) {
  EXPECT_TRUE(protection_variables({wire::kProtectOff, 50}).empty());
  EXPECT_EQ(protection_variables({wire::kProtectTensors, 50}).size(), 1u);
  EXPECT_EQ(protection_variables({wire::kProtectAll, 50}).size(), 2u);
}

}  // namespace
}  // namespace segwhy
