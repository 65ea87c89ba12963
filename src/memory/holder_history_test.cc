#include "memory/holder_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "pystate/fake_containers.h"

namespace segwhy::memory {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr int kLooks = 60;
constexpr double kMiB = 1 << 20;

double part(int look) {
  return static_cast<double>(look) / (kLooks - 1);
}

std::vector<SitePoint> line(const std::function<double(double)>& mib) {
  std::vector<SitePoint> out;
  for (int i = 0; i < kLooks; ++i) out.push_back({10 * part(i), static_cast<std::uint64_t>(mib(part(i)) * kMiB), 0});
  return out;
}

NamedContainer container(const char* name, const std::function<double(double)>& length, pystate::ItemWeight weight) {
  NamedContainer out;
  out.path = std::string("__main__.") + name;
  out.name = name;
  out.type = "list";
  out.weight = std::move(weight);
  for (int i = 0; i < kLooks; ++i) out.series.push_back({10 * part(i), static_cast<std::uint64_t>(length(part(i)))});
  return out;
}

const auto kSteady = [](double t) { return 100 * t; };
const pystate::ItemWeight kHeavy = {"bytearray", kMiB, true};
const pystate::ItemWeight kLight = {"float", 32, true};
const pystate::ItemWeight kUnknown = {"EagerTensor", 0, false};

TEST(Holders, WhatGrewInProportionAndWeighsEnough) {
  const auto holders = holders_of(line(kSteady), "", {container("history", kSteady, kHeavy)});
  ASSERT_THAT(holders, SizeIs(1));
  EXPECT_EQ(holders[0].path, "__main__.history");
  EXPECT_EQ(holders[0].type, "list of bytearray");
  EXPECT_EQ(holders[0].length, 100U);
  EXPECT_NEAR(static_cast<double>(holders[0].bytes.value_or(0)), 100 * kMiB, kMiB);
}

TEST(Holders, NumbersDoNotHoldMegabytes) {
  EXPECT_THAT(holders_of(line(kSteady), "losses.append(x)", {container("losses", kSteady, kLight)}), IsEmpty());
}

TEST(Holders, WhatTheyWeighMayBeUnknown) {
  const auto holders = holders_of(line(kSteady), "", {container("tensors", kSteady, kUnknown)});
  ASSERT_THAT(holders, SizeIs(1));
  EXPECT_FALSE(holders[0].bytes);
}

TEST(Holders, OtherCurvesAreNone) {
  const auto fills = [](double t) { return std::min(300 * t, 60.0); };
  const auto jumps = [](double t) { return t < 0.5 ? 0.0 : 100.0; };
  const auto saw = [](double t) { return 400 * t - 100 * static_cast<int>(4 * t); };
  const auto late = [](double t) { return t < 0.6 ? 0 : 250 * (t - 0.6); };
  for (const std::function<double(double)>& other : {std::function<double(double)>(fills), {jumps}, {saw}, {late}})
    EXPECT_THAT(holders_of(line(kSteady), "", {container("other", other, kHeavy)}), IsEmpty());
  EXPECT_THAT(holders_of(line(kSteady), "",
                         {container(
                             "level", [](double) { return 50.0; }, kHeavy)}),
              IsEmpty());
  EXPECT_THAT(holders_of(line([](double) { return 50.0; }), "", {container("grows", kSteady, kHeavy)}), IsEmpty());
}

TEST(Holders, TheHeavyOneFirstThenTheOneInTheSource) {
  const std::vector<NamedContainer> all = {container("other", kSteady, kUnknown), container("kept", kSteady, kUnknown),
                                           container("heavy", kSteady, kHeavy)};
  const auto holders = holders_of(line(kSteady), "kept.append(make(others))", all);
  ASSERT_THAT(holders, SizeIs(3));
  EXPECT_EQ(holders[0].name, "heavy");
  EXPECT_EQ(holders[1].name, "kept");
}

TEST(Holders, WhatTheFunctionFreesAtItsEndDoesNotCount) {
  const auto freed = [](double t) { return t < 0.95 ? 100 * t : 2; };
  const auto holders = holders_of(line(freed), "", {container("history", kSteady, kHeavy)});
  ASSERT_THAT(holders, SizeIs(1));
  EXPECT_LT(holders[0].length, 96U) << "as long as it was when the line held most";
  const auto dropped = [](double t) { return t < 0.6 ? 100 * t : 2; };
  EXPECT_THAT(holders_of(line(dropped), "", {container("history", kSteady, kHeavy)}), IsEmpty());
}

TEST(Holders, TooFewLooks) {
  auto few = container("history", kSteady, kHeavy);
  few.series.resize(5);
  EXPECT_THAT(holders_of(line(kSteady), "", {few}), IsEmpty());
  EXPECT_THAT(holders_of({}, "", {container("history", kSteady, kHeavy)}), IsEmpty());
}

TEST(HolderHistory, KeepsLengthsAndWeighsWhatGrew) {
  pystate::FakePython python(12);
  pystate::FakeContainers make(python);
  std::vector<TargetAddr> items;
  HolderHistory history;
  pystate::Variables variables(python.memory(), python.layout());
  for (int look = 0; look < 20; ++look) {
    items.push_back(make.bytearray(1000));
    const pystate::Variable found = {"__main__", "kept", "list", items.size(), make.list(items)};
    history.add(look, variables, {found});
  }
  ASSERT_THAT(history.containers(), SizeIs(1));
  EXPECT_EQ(history.containers()[0].path, "__main__.kept");
  EXPECT_EQ(history.containers()[0].series.size(), 20U);
  EXPECT_EQ(history.containers()[0].weight.type, "bytearray");
  EXPECT_EQ(history.containers()[0].shortest, 1U);
}

TEST(HolderHistory, IsBounded) {
  pystate::FakePython python(12);
  pystate::Variables variables(python.memory(), python.layout());
  HolderHistory history;
  for (int i = 0; i < 2000; ++i)
    history.add(i, variables,
                {{"__main__", "v" + std::to_string(i), "list", 1, {}}, {"__main__", "same", "list", 1, {}}});
  EXPECT_LE(history.containers().size(), HolderHistory::kContainers);
  for (const NamedContainer& c : history.containers()) EXPECT_LE(c.series.size(), HolderHistory::kPoints);
}

}  // namespace
}  // namespace segwhy::memory
