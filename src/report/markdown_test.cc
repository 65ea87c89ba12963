#include "report/markdown.h"

#include <gtest/gtest.h>

namespace segwhy {
namespace {

std::string plain(std::string_view markdown, std::size_t width = 30) {
  return render_markdown(markdown, width, {});
}

TEST(Markdown, HeadingsAndParagraphsAreWrapped) {
  EXPECT_EQ(plain("# null-pointer\n\nThe program went through a pointer\nthat was null.\n"),
            "null-pointer\n\nThe program went through a\npointer that was null.\n");
}

TEST(Markdown, ListItemsHangUnderTheirText) {
  EXPECT_EQ(plain("- first item that is long enough to wrap\n- second\n"),
            "- first item that is long\n  enough to wrap\n- second\n");
  EXPECT_EQ(plain("1. do this and that and more things\n"), "1. do this and that and more\n   things\n");
}

TEST(Markdown, CodeStaysAsItIs) {
  EXPECT_EQ(plain("```\nulimit -s unlimited && python   train.py --steps 10\n```\n"),
            "    ulimit -s unlimited && python   train.py --steps 10\n");
}

TEST(Markdown, EmphasisIsDroppedOutsideCode) {
  EXPECT_EQ(plain("**very** `a**b`\n"), "very `a**b`\n");
}

TEST(Markdown, ColourMarksHeadingsAndCode) {
  const std::string text = render_markdown("# t\n`c`\n", 40, {.color = true});
  EXPECT_EQ(text, "\x1b[1;31mt\x1b[0m\n\x1b[33m`c`\x1b[0m\n");
}

TEST(Markdown, AnyTextEnds) {
  EXPECT_EQ(plain(""), "\n");
  EXPECT_EQ(plain("```\nunclosed"), "    unclosed\n");
}

}  // namespace
}  // namespace segwhy
