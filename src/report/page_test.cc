#include "report/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"

namespace segwhy::report {
namespace {

using testing::HasSubstr;
using testing::Not;

Section numbered(const std::string& label, int count, int rank, const std::string& gap = {}) {
  Section section;
  section.label = label;
  section.gap = gap;
  for (int i = 0; i < count; ++i) section.items.push_back({.line = Line(label + std::to_string(i)), .rank = rank});
  return section;
}

std::size_t lines_in(const std::string& text) {
  return split(text, '\n').size() - 1;
}

TEST(Page, LabelsStandInTheMarginOfTheFirstLine) {
  Page page({});
  page.add(numbered("why", 2, kAlways));
  EXPECT_EQ(page.render(), "  why       why0\n            why1\n");
}

TEST(Page, WrapsToTheWidthWithAHangingIndent) {
  Page page({.width = 40});
  Section section;
  section.items.push_back({.line = Line("1. the quick brown fox jumps over the dog"), .hang = 3});
  page.add(std::move(section));
  EXPECT_EQ(page.render(), "            1. the quick brown fox\n               jumps over the dog\n");
}

TEST(Page, WhatMattersLeastGoesFirst) {
  Page page({.height = 3});
  page.add(numbered("a", 1, kAlways));
  page.space();
  page.add(numbered("b", 2, kDetail));
  page.add(numbered("c", 1, kFirst));
  EXPECT_TRUE(page.fit(0));
  EXPECT_EQ(page.render(), "  a         a0\n  b         b0\n  c         c0\n");
}

TEST(Page, LeavingOutOnlyAirIsNotALoss) {
  Page page({.height = 2});
  page.add(numbered("a", 1, kAlways));
  page.space();
  page.add(numbered("b", 1, kDetail));
  EXPECT_FALSE(page.fit(0));
  EXPECT_EQ(page.render(), "  a         a0\n  b         b0\n");
}

TEST(Page, SpaceStandsOnlyBetweenSections) {
  Page page({});
  page.space();
  page.add(numbered("a", 1, kAlways));
  page.space();
  page.add(numbered("b", 0, kAlways));
  page.space();
  page.add(numbered("c", 1, kAlways));
  page.space();
  EXPECT_EQ(page.render(), "\n  a         a0\n\n  c         c0\n");
}

TEST(Page, LeftOutItemsAreCountedWhereTheyStood) {
  Page page({.height = 3});
  Section stack = numbered("stack", 5, kDetail, "frames");
  stack.items.front().rank = stack.items.back().rank = kFirst;
  page.add(std::move(stack));
  EXPECT_TRUE(page.fit(0));
  EXPECT_EQ(page.render(), "  stack     stack0\n            \xE2\x80\xA6 3 more frames\n            stack4\n");
}

TEST(Page, ALoneLineIsShownRatherThanCounted) {
  Page page({.height = 2});
  Section stack = numbered("stack", 3, kAlways, "frames");
  stack.items[1].rank = kDetail;
  page.add(std::move(stack));
  EXPECT_FALSE(page.fit(0));
  EXPECT_EQ(page.render(), "  stack     stack0\n            stack1\n            stack2\n");
}

TEST(Page, ASectionThatIsWhollyLeftOutLeavesNoGap) {
  Page page({.height = 1});
  page.add(numbered("a", 1, kAlways));
  page.add(numbered("stack", 4, kDetail, "frames"));
  EXPECT_TRUE(page.fit(0));
  EXPECT_EQ(page.render(), "  a         a0\n");
}

TEST(Page, WhatIsAlwaysShownMayExceedTheHeight) {
  Page page({.height = 2});
  page.add(numbered("a", 5, kAlways));
  page.add(numbered("b", 5, kContext));
  EXPECT_TRUE(page.fit(0));
  EXPECT_EQ(lines_in(page.render()), 5U);
  EXPECT_THAT(page.render(), Not(HasSubstr("b0")));
}

TEST(Page, NoHeightMeansNoLimit) {
  Page page({.height = 0});
  page.add(numbered("a", 500, kContext));
  EXPECT_FALSE(page.fit(3));
  EXPECT_EQ(lines_in(page.render()), 500U);
}

TEST(Page, ReservesRoomForWhatFollows) {
  Page page({.height = 4});
  page.add(numbered("a", 4, kContext));
  EXPECT_TRUE(page.fit(1));
  page.add(numbered("b", 1, kAlways));
  EXPECT_EQ(lines_in(page.render()), 4U);
}

}  // namespace
}  // namespace segwhy::report
