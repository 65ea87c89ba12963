#include "diagnose/retrace_story.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace segwhy {
namespace {

using testing::HasSubstr;
using testing::Not;

TracedFunction step(std::uint64_t traces, std::uint64_t late, const TraceDifference& difference) {
  TracedFunction out;
  out.function = "step";
  out.file = out.call_file = "/home/user/train.py";
  out.line = 9;
  out.call_line = 17;
  out.traces = traces;
  out.compared = traces - 1;
  out.late = late;
  out.differences = {difference};
  return out;
}

const TraceDifference kNumber{"number", "rate", 199, "0.198", "0.199"};

TEST(KeepsRetracing, OnlyWhatGoesOnToTheEnd) {
  EXPECT_TRUE(keeps_retracing(step(200, 66, kNumber)));
  EXPECT_TRUE(keeps_retracing(step(12, 4, kNumber)));
  EXPECT_FALSE(keeps_retracing(step(3, 3, kNumber))) << "three shapes, all late";
  EXPECT_FALSE(keeps_retracing(step(11, 4, kNumber)));
  EXPECT_FALSE(keeps_retracing(step(200, 0, kNumber))) << "many shapes, all seen in the first part";
  EXPECT_FALSE(keeps_retracing(step(200, 39, kNumber))) << "new ones become rare";
}

TEST(RetracedAt, TheLineThatCallsOrALineOfTheFunction) {
  MemoryUse memory;
  memory.retracing = {step(200, 66, kNumber)};
  MemorySite site;
  site.file = "/home/user/train.py";
  site.line = 17;
  EXPECT_NE(retraced_at(site, memory), nullptr);
  site.line = 18;
  EXPECT_EQ(retraced_at(site, memory), nullptr);
  site.line = 11;
  site.function = "step";
  EXPECT_NE(retraced_at(site, memory), nullptr);
  memory.retracing[0].late = 0;
  EXPECT_EQ(retraced_at(site, memory), nullptr);
  EXPECT_EQ(retraced_at(MemorySite{}, memory), nullptr);
}

TEST(RetraceStory, SaysWhatDifferedAndWhereToChangeIt) {
  const TracedFunction function = step(200, 66, kNumber);
  EXPECT_EQ(
      retrace_sentence(function),
      "step (train.py:9), called at train.py:17, was traced 200 times: argument rate was another Python number in "
      "199 of 199 traces (0.198, then 0.199).");
  EXPECT_THAT(retrace_advice(function), HasSubstr("Pass rate to step (train.py:9) as a tensor at train.py:17"));
  EXPECT_THAT(retrace_advice(step(200, 66, {"shape", "x", 199, "float32(1,)", "float32(2,)"})),
              HasSubstr("input_signature"));
  EXPECT_THAT(retrace_advice(step(200, 66, {"function", "", 199, "", ""})), HasSubstr("once"));
  EXPECT_THAT(retrace_advice(step(200, 66, {"object", "f", 199, "function", "function"})), HasSubstr("Pass f"));
}

TEST(RetraceStory, NothingIsSaidOfWhatIsNotKnown) {
  TracedFunction function = step(200, 66, kNumber);
  function.differences.clear();
  EXPECT_EQ(retrace_sentence(function), "step (train.py:9), called at train.py:17, was traced 200 times.");
  EXPECT_THAT(retrace_advice(function), Not(HasSubstr("tensor")));
}

TEST(RetraceStory, WhatCameAlongInAFewIsLeftOut) {
  TracedFunction function = step(200, 66, kNumber);
  function.differences.push_back({"shape", "x", 3, "float32(1,)", "float32(2,)"});
  EXPECT_THAT(what_differed(function), Not(HasSubstr("shape")));
}

}  // namespace
}  // namespace segwhy
