#include "report/styled.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace segwhy::report {
namespace {

using testing::ElementsAre;

std::vector<std::string> texts(const std::vector<Line>& lines) {
  std::vector<std::string> out;
  for (const Line& line : lines) out.push_back(line.text());
  return out;
}

TEST(Line, NothingUnprintableGetsIn) {
  EXPECT_EQ(Line("a\x1b[2Jb").text(), "a\\x1b[2Jb");
}

TEST(Wrap, BreaksAtSpacesAndDropsThem) {
  EXPECT_THAT(texts(wrap(Line("one two three four"), 9)), ElementsAre("one two", "three", "four"));
}

TEST(Wrap, KeepsIndentationAndCutsWhatCannotFit) {
  EXPECT_THAT(texts(wrap(Line("  abc"), 20)), ElementsAre("  abc"));
  EXPECT_THAT(texts(wrap(Line("ab 0123456789xyz"), 10)), ElementsAre("ab", "0123456789", "xyz"));
}

TEST(Wrap, AWordOfTwoRolesStaysWhole) {
  Line line("see ");
  line.add("`x`", Role::kCode).add(", then go");
  EXPECT_THAT(texts(wrap(line, 8)), ElementsAre("see `x`,", "then go"));
}

TEST(Wrap, AnEmptyLineIsOneLine) {
  EXPECT_THAT(texts(wrap(Line(), 20)), ElementsAre(""));
}

TEST(Wrap, WideCharactersNeverOverflow) {
  for (const Line& part : wrap(Line("\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E\xE6\x97\xA5\xE6\x9C\xAC"), 9)) {
    EXPECT_LE(part.width(), 9U);
  }
}

TEST(Prose, BackquotedTextIsCodeAndKeepsItsQuotes) {
  const Line line = prose("run `ulimit -s` twice");
  EXPECT_EQ(line.text(), "run `ulimit -s` twice");
  ASSERT_EQ(line.spans().size(), 3U);
  EXPECT_EQ(line.spans()[1].role, Role::kCode);
  EXPECT_EQ(prose("it`s").text(), "it`s") << "an unpaired quote is text";
}

TEST(Paint, ColourOnlyWhenAsked) {
  Line line("a", Role::kVerdict);
  line.add(" b");
  EXPECT_EQ(paint(line, {}), "a b");
  EXPECT_EQ(paint(line, {.color = true}), "\x1b[1;31ma\x1b[0m b");
}

TEST(Paint, NoTrailingSpacesAndEveryColourIsReset) {
  EXPECT_EQ(paint(Line("a  ", Role::kMark), {.color = true}), "\x1b[1;31ma\x1b[0m");
  EXPECT_EQ(paint(Line("   "), {}), "");
}

TEST(Paint, WithoutUnicodeTheRestIsEscaped) {
  EXPECT_EQ(paint(Line("\xC3\xBC"), {.unicode = false}), "\\xfc");
}

TEST(Cut, FitsWithItsMark) {
  EXPECT_EQ(cut(Line("abcdefgh"), 5, "..").text(), "abc..");
  EXPECT_EQ(cut(Line("abc"), 5, "..").text(), "abc");
}

}  // namespace
}  // namespace segwhy::report
