#include "report/printable.h"

#include <gtest/gtest.h>

#include <string>

namespace segwhy::report {
namespace {

TEST(Printable, ControlCharactersBecomeVisible) {
  EXPECT_EQ(printable("a\x1b[31mred\x07"), "a\\x1b[31mred\\x07");
  EXPECT_EQ(printable("one\ntwo\r"), "one\\ntwo\\r");
  EXPECT_EQ(printable(std::string_view("nul\0end", 7)), "nul\\x00end");
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            "\\x9b31m")
      << "C1 CSI starts an escape sequence on some terminals";
  EXPECT_EQ(printable("\x7f"), "\\x7f");
}

TEST(Printable, TextCannotBeReorderedOrHidden) {
  EXPECT_EQ(printable("a\xE2\x80\xAE"
                      "b"),
            "a\\u202eb")
      << "right-to-left override";
  EXPECT_EQ(printable("a\xE2\x80\x8B"
                      "b"),
            "a\\u200bb")
      << "zero-width space";
  EXPECT_EQ(printable("\xF3\xA0\x81\x81"), "\\U000e0041") << "tag characters are invisible";
}

TEST(Printable, TabsHaveAFixedWidthAndOtherTextStays) {
  EXPECT_EQ(printable("a\tb"), "a    b");
  EXPECT_EQ(printable("gr\xC3\xBC\xC3\x9F"), "gr\xC3\xBC\xC3\x9F");
}

TEST(Printable, BytesThatAreNotUtf8BecomeTheReplacementCharacter) {
  EXPECT_EQ(printable("a\xFFz"), "a\xEF\xBF\xBDz");
}

TEST(Printable, AsciiOnlyEscapesTheRest) {
  EXPECT_EQ(printable("gr\xC3\xBC\xC3\x9F", true), "gr\\xfc\\xdf");
  EXPECT_EQ(printable("\xE2\x82\xAC", true), "\\u20ac");
}

TEST(DisplayWidth, CountsColumnsNotBytes) {
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("\xC3\xBC"), 1U);
  EXPECT_EQ(display_width("e\xCC\x81"), 1U) << "a combining accent takes no column";
  EXPECT_EQ(display_width("\xE6\x97\xA5\xE6\x9C\xAC"), 4U) << "two wide characters";
}

TEST(PrefixThatFits, NeverSplitsACharacter) {
  EXPECT_EQ(prefix_that_fits("\xE6\x97\xA5\xE6\x9C\xAC", 3), 3U);
  EXPECT_EQ(prefix_that_fits("e\xCC\x81x", 1), 3U) << "the accent stays with its letter";
  EXPECT_EQ(prefix_that_fits("abc", 10), 3U);
  EXPECT_EQ(prefix_that_fits("abc", 0), 0U);
}

TEST(Truncated, MarksTheCutWithinTheWidth) {
  EXPECT_EQ(truncated("abcdef", 6, "..."), "abcdef");
  EXPECT_EQ(truncated("abcdefg", 6, "..."), "abc...");
  EXPECT_EQ(truncated("abcdefg", 2, "..."), "..");
}

TEST(TruncatedFront, KeepsTheEnd) {
  EXPECT_EQ(truncated_front("a/b/file.py:12", 10, ".."), "..le.py:12");
  EXPECT_EQ(truncated_front("abc", 3, ".."), "abc");
  EXPECT_EQ(truncated_front("\xE6\x97\xA5\xE6\x9C\xAC"
                            "ab",
                            4, "."),
            ".ab")
      << "half a wide character does not fit";
}

}  // namespace
}  // namespace segwhy::report
