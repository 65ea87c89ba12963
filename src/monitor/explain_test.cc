#include "monitor/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace segwhy {
namespace {

using testing::HasSubstr;

constexpr std::array<CausePage, 3> kPages = {{{"killed", "# killed\n\nEnded from outside. More.\n"},
                                              {"null-pointer", "# null-pointer\n\nThrough a null pointer.\n"},
                                              {"wild-pointer", "# wild-pointer\n\nBelongs to nothing.\n"}}};

TEST(Explain, PrintsThePageOfAClass) {
  const Explanation e = explain({.slug = "null-pointer"}, kPages);
  EXPECT_TRUE(e.found);
  EXPECT_EQ(e.text, "null-pointer\n\nThrough a null pointer.\n");
}

TEST(Explain, ListsAllWithTheirFirstSentence) {
  const Explanation e = explain({}, kPages);
  EXPECT_TRUE(e.found);
  EXPECT_THAT(e.text, HasSubstr("- `killed`: Ended from outside.\n"));
}

TEST(Explain, SuggestsTheNearestForAnUnknownClass) {
  const Explanation e = explain({.slug = "nul-ponter"}, kPages);
  EXPECT_FALSE(e.found);
  EXPECT_THAT(e.text, HasSubstr("did you mean \"null-pointer\"?"));
  EXPECT_THAT(e.text, HasSubstr(" wild-pointer"));
}

TEST(NearestSlug, APartOfASlugIsEnough) {
  EXPECT_EQ(nearest_slug("wild", kPages), "wild-pointer");
}

TEST(NearestSlug, AnotherWordHasNone) {
  EXPECT_EQ(nearest_slug("xyzzy", kPages), "");
}

TEST(CausePages, AreAscendingAndStartWithTheirSlug) {
  std::string_view last;
  for (const CausePage& page : cause_pages()) {
    EXPECT_LT(last, page.slug);
    EXPECT_THAT(std::string(page.markdown.substr(0, 80)), HasSubstr(std::string(page.slug)));
    last = page.slug;
  }
}

}  // namespace
}  // namespace segwhy
