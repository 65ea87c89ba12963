#include "report/compare.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace segwhy {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

ComparedRun ended(const char* name, std::uint64_t peak, const char* output) {
  ComparedRun run;
  run.name = name;
  run.evidence.death.kind = "exit";
  run.evidence.death.exit_code = 0;
  run.evidence.machine.peak_rss = peak;
  run.verdict.verdict_class = "ok";
  run.measure = {10.0, 12.0, output};
  return run;
}

const ComparedRow* row(const std::vector<ComparedRow>& rows, const std::string& key) {
  for (const ComparedRow& one : rows)
    if (one.key == key) return &one;
  return nullptr;
}

TEST(Compare, ARunWithItselfDiffersInNothing) {
  const ComparedRun run = ended("a.py", 700 * kMiB, "1\n2\n");
  for (const ComparedRow& one : compare_runs(run, run)) EXPECT_FALSE(one.differs) << one.key;
}

TEST(Compare, TheNoiseOfARunIsNoDifference) {
  ComparedRun other = ended("b.py", 740 * kMiB, "1\n");
  other.measure.wall_s = 11.5;
  for (const ComparedRow& one : compare_runs(ended("a.py", 700 * kMiB, "1\n"), other))
    EXPECT_FALSE(one.differs) << one.key;
}

TEST(Compare, HalfTheMemoryIs) {
  const auto rows = compare_runs(ended("a.py", 4000 * kMiB, ""), ended("b.py", 2000 * kMiB, ""));
  EXPECT_TRUE(row(rows, "peak_rss")->differs);
  EXPECT_EQ(row(rows, "peak_rss")->old_text, "3.9 GiB");
}

TEST(Compare, ADeathAgainstAGoodEnd) {
  ComparedRun killed = ended("a.py", 3000 * kMiB, "1\n");
  killed.evidence.death = {};
  killed.evidence.death.kind = "oom";
  killed.verdict.verdict_class = "out-of-memory";
  killed.verdict.where = SourceLine{"/home/user/a.py", 12, "f", "x"};
  const auto rows = compare_runs(killed, ended("b.py", 2000 * kMiB, "1\n"));
  EXPECT_TRUE(row(rows, "end")->differs);
  EXPECT_EQ(row(rows, "verdict")->old_text, "out-of-memory at a.py:12");
  EXPECT_EQ(row(rows, "verdict")->new_text, "ok");
}

TEST(Compare, TheFirstLineOfOutputThatDiffers) {
  const auto rows =
      compare_runs(ended("a.py", kMiB, "same\nloss 3\nend\n"), ended("b.py", kMiB, "same\nloss 4\nend\n"));
  EXPECT_EQ(row(rows, "output")->old_text, "line 2: loss 3");
  EXPECT_EQ(row(rows, "output")->new_text, "line 2: loss 4");
  const auto shorter = compare_runs(ended("a.py", kMiB, "same\nmore"), ended("b.py", kMiB, "same"));
  EXPECT_TRUE(row(shorter, "output")->differs);
  EXPECT_EQ(row(shorter, "output")->new_text, "line 2: no such line");
}

TEST(Compare, WhatIsNotKnownIsLeftOutOrSaidSo) {
  ComparedRun saved = ended("a.case", kMiB, "");
  saved.measure = {};
  EXPECT_EQ(row(compare_runs(saved, saved), "wall_s"), nullptr);
  const auto rows = compare_runs(saved, ended("b.py", kMiB, ""));
  EXPECT_EQ(row(rows, "wall_s")->old_text, "");
  EXPECT_FALSE(row(rows, "wall_s")->differs);
  EXPECT_NE(render_comparison(saved, ended("b.py", kMiB, ""), false).find("not known"), std::string::npos);
}

TEST(Compare, HostileNamesAndOutput) {
  const ComparedRun bad = ended("\x1b[31m\xff.py", kMiB, "\x1b]0;title\x07\n");
  const std::string text = render_comparison(bad, ended("b.py", kMiB, "x\n"), true);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  const auto json = nlohmann::json::parse(render_comparison_json(bad, ended("b.py", kMiB, "x\n")));
  EXPECT_EQ(json["schema"], "segwhy.comparison/1");
}

}  // namespace
}  // namespace segwhy
