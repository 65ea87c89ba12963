#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/memory_plot.h"
#include "report/report.h"

namespace segwhy {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::uint64_t kMiB = 1 << 20;

std::vector<MemorySample> rising(int count) {
  std::vector<MemorySample> samples;
  for (int i = 0; i < count; ++i) {
    MemorySample& sample = samples.emplace_back();
    sample.at_s = i;
    sample.rss = sample.tree_rss = static_cast<std::uint64_t>(i + 1) * 10 * kMiB;
  }
  return samples;
}

TEST(MemoryPlot, RisesToTheRight) {
  const auto rows = report::memory_plot_rows(rising(40), {}, {.width = 60, .height = 4, .unicode = false});
  ASSERT_EQ(rows.size(), 5U);
  EXPECT_THAT(rows[0], HasSubstr("400.0 MiB |"));
  EXPECT_EQ(rows[0].find('#') > rows[3].find('#'), true) << rows[0] << "\n" << rows[3];
  EXPECT_THAT(rows[4], HasSubstr("39 s"));
  for (const std::string& row : rows) EXPECT_LE(row.size(), 60U) << row;
}

TEST(MemoryPlot, DrawsALimitThatIsNear) {
  const report::PlotStyle style{.width = 60, .height = 4, .unicode = false};
  const auto near = report::memory_plot_rows(rising(40), 500 * kMiB, style);
  EXPECT_THAT(near[0], HasSubstr("limit |--"));
  const auto far = report::memory_plot_rows(rising(40), 100'000 * kMiB, style);
  for (const std::string& row : far) EXPECT_THAT(row, Not(HasSubstr("limit")));
}

TEST(MemoryPlot, NothingToDraw) {
  EXPECT_TRUE(report::memory_plot_rows({}, {}, {}).empty());
  EXPECT_TRUE(report::memory_plot_rows(rising(1), {}, {}).empty());
}

Case with_memory() {
  Case c;
  c.program.argv = {"python", "a<b>.py"};
  c.death.kind = "exit";
  c.death.exit_code = 0;
  c.machine.samples = rising(40);
  MemoryUse& use = c.memory.emplace();
  use.asked = true;
  use.peak_bytes = use.live_bytes = 300 * kMiB;
  MemorySite& site = use.sites.emplace_back();
  site.file = "/home/user/train.py";
  site.line = 12;
  site.source = "keep.append(x < y)";
  site.kind = "array";
  site.peak_bytes = site.live_bytes = 300 * kMiB;
  site.live_blocks = 30;
  site.series = {{0, 0, 0}, {39, 300 * kMiB, 30}};
  return c;
}

TEST(MemorySections, NameTheLines) {
  Verdict verdict;
  verdict.verdict_class = "ok";
  const std::string text = render_text(with_memory(), verdict, {.unicode = false});
  EXPECT_THAT(text, HasSubstr("300.0 MiB  100 %  /home/user/train.py:12"));
  EXPECT_THAT(text, HasSubstr("30 arrays"));
  Case quiet = with_memory();
  quiet.memory->asked = false;
  EXPECT_THAT(render_text(quiet, verdict, {.unicode = false}), Not(HasSubstr("held by"))) << "not what it is about";
}

TEST(MemorySections, NameWhoHoldsWhatGrows) {
  Case c = with_memory();
  MemorySite& site = c.memory->sites[0];
  site.series.clear();
  for (std::uint64_t i = 0; i < 100; ++i) site.series.push_back({static_cast<double>(i), 3 * i * kMiB, i});
  site.holders.resize(2);
  site.holders[0].path = "__main__.history";
  site.holders[0].type = "list of bytearray";
  site.holders[0].length = 990;
  site.holders[0].bytes = 94 * kMiB;
  site.holders[1].path = "__main__.other";
  Verdict verdict;
  verdict.verdict_class = "ok";
  std::string text = render_text(c, verdict, {.unicode = false, .width = 120});
  EXPECT_THAT(text, HasSubstr("held by  __main__.history (list of bytearray, 990 items, about 94.0 MiB)"));
  EXPECT_THAT(text, Not(HasSubstr("__main__.other"))) << "what it weighs is not known";
  site.holders[0].bytes.reset();
  text = render_text(c, verdict, {.unicode = false, .width = 120});
  EXPECT_THAT(text, HasSubstr("grows along  __main__.history (list of bytearray, 990 items)"));
}

TEST(MemorySvg, IsWellFormedAndNamesTheSite) {
  const std::string svg = render_memory_svg(with_memory());
  EXPECT_TRUE(svg.starts_with("<svg "));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_THAT(svg, HasSubstr("a&lt;b&gt;.py"));
  EXPECT_THAT(svg, HasSubstr("train.py:12"));
  EXPECT_THAT(svg, HasSubstr("x &lt; y"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_TRUE(render_memory_svg(Case{}).starts_with("<svg ")) << "without anything to show";
}

}  // namespace
}  // namespace segwhy
