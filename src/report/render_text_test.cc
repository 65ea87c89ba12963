#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/text.h"
#include "report/printable.h"
#include "report/report.h"

namespace segwhy {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

PythonFrame user_frame() {
  PythonFrame f;
  f.file = "/home/u/train.py";
  f.function = "build";
  f.line = 12;
  f.end_line = 12;
  f.column = 8;
  f.end_column = 20;
  f.source = "    y = pool(x, 0, 1) + 2";
  f.origin = "user";
  return f;
}

// A division by zero in a kernel called from the user's line.
Case divided() {
  Case c;
  c.program.argv = {"python", "train.py"};
  c.program.cwd = "/home/u";
  c.program.pid = 4242;
  c.program.python = "3.11.7";
  c.death.kind = "signal";
  c.death.signal = 8;
  Thread& t = c.threads.emplace_back();
  t.tid = 4242;
  t.crashed = t.is_main = true;
  NativeFrame kernel;
  kernel.function = "Pool::Compute(Context*)";
  kernel.short_name = "Pool::Compute";
  kernel.module = "/opt/libpool.so";
  t.native = {kernel};
  t.python = {user_frame()};
  t.merged = {{false, 0}, {true, 0}};
  Fault& f = c.fault.emplace();
  Instruction& i = f.instruction.emplace();
  i.text = "idiv ecx";
  Operand& o = i.operands.emplace_back();
  o.text = "ecx";
  o.kind = "register";
  o.value = 0;
  return c;
}

Verdict by_zero() {
  Verdict v;
  v.verdict_class = "divide-by-zero";
  v.confidence = Confidence::kCertain;
  v.summary = "`idiv ecx` divided by zero in Pool::Compute";
  v.evidence = {"the divisor `ecx` was 0"};
  v.advice = {"give `pool` a size that is not zero"};
  v.where = SourceLine{"/home/u/train.py", 12, "build", "    y = pool(x, 0, 1) + 2"};
  return v;
}

std::size_t line_count(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(RenderText, TheFirstLineIsTheVerdict) {
  EXPECT_THAT(render_text(divided(), by_zero(), {}),
              StartsWith("segwhy: divide-by-zero (certain): `idiv ecx` divided by zero in Pool::Compute\n"));
}

TEST(RenderText, TheUsersLineIsMarkedToTheColumn) {
  const std::string text = render_text(divided(), by_zero(), {.unicode = false});
  EXPECT_THAT(text, HasSubstr("  where     train.py:12, in build\n"
                              "              12 | y = pool(x, 0, 1) + 2\n"
                              "                 |     ^^^^^^^^^^^^\n"));
}

TEST(RenderText, CaretsCountColumnsNotBytes) {
  Case c = divided();
  Verdict v = by_zero();
  c.threads[0].python[0].source = v.where->source = "    \xC3\xBC = pool(x, 0, 1) + 2";
  c.threads[0].python[0].column = 9;
  c.threads[0].python[0].end_column = 21;
  EXPECT_THAT(render_text(c, v, {.unicode = false}), HasSubstr("\n                 |     ^^^^^^^^^^^^\n"));
}

TEST(RenderText, ColumnsThatDoNotFitTheSourceMarkNothing) {
  Case c = divided();
  c.threads[0].python[0].column = 400;  // the file changed since it was compiled
  EXPECT_THAT(render_text(c, by_zero(), {}), Not(HasSubstr("^")));
  c.threads[0].python[0].column = -1;
  EXPECT_THAT(render_text(c, by_zero(), {}), Not(HasSubstr("^")));
  c.threads[0].python[0].column = 8;
  c.threads[0].python[0].end_column = 9999;
  EXPECT_THAT(render_text(c, by_zero(), {}), HasSubstr("^"));
}

TEST(RenderText, SectionsAreThereOnlyWhenKnown) {
  const std::string text = render_text(divided(), by_zero(), {});
  for (const char* label : {"  where ", "  death ", "  stack ", "  why ", "  to do "})
    EXPECT_THAT(text, HasSubstr(label));
  for (const char* label : {"  op ", "  block ", "  process ", "  could be ", "  missing "}) {
    EXPECT_THAT(text, Not(HasSubstr(label)));
  }
}

TEST(RenderText, ASmallScreenKeepsVerdictPlaceAndAdvice) {
  const std::string text = render_text(divided(), by_zero(), {.height = 6});
  EXPECT_EQ(line_count(text), 6U);
  EXPECT_THAT(text, HasSubstr("divide-by-zero"));
  EXPECT_THAT(text, HasSubstr("train.py:12"));
  EXPECT_THAT(text, HasSubstr("give `pool` a size"));
  EXPECT_THAT(text, HasSubstr("--verbose shows all"));
}

TEST(RenderText, EveryLineFitsTheWidth) {
  Case c = divided();
  c.threads[0].native[0].short_name = std::string(500, 'x');
  Verdict v = by_zero();
  v.advice.push_back(std::string(300, 'y') + " and then some words more to wrap at the end");
  for (const unsigned width : {40U, 60U, 100U}) {
    const std::string text = render_text(c, v, {.width = width});
    for (const std::string_view line : split(text, '\n')) EXPECT_LE(report::display_width(line), width) << line;
  }
}

TEST(RenderText, NothingOfTheTargetControlsTheTerminal) {
  Case c = divided();
  const std::string evil =
      "\x1b]0;owned\x07\r\n\x9b"
      "31m";
  c.threads[0].python[0].function = c.threads[0].native[0].short_name = c.messages.abort_text = evil;
  c.program.fork.origin = "fork";
  c.program.argv = {evil};
  Verdict v = by_zero();
  v.summary = v.where->source = evil;
  for (const bool verbose : {false, true}) {
    const std::string text = render_text(c, v, {.verbose = verbose, .case_path = evil});
    for (const char byte : text) EXPECT_TRUE(byte == '\n' || static_cast<unsigned char>(byte) >= 0x20) << int{byte};
  }
}

TEST(RenderText, ColourOnlyWhenAsked) {
  EXPECT_THAT(render_text(divided(), by_zero(), {}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(render_text(divided(), by_zero(), {.color = true}), HasSubstr("\x1b[1;31mdivide-by-zero\x1b[0m"));
}

TEST(RenderText, PlainAsciiWhenTheTerminalIs) {
  Case c = divided();
  c.threads[0].python[0].function = "gr\xC3\xBC\xC3\x9F";
  const std::string text = render_text(c, by_zero(), {.unicode = false});
  EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char b) { return static_cast<unsigned char>(b) < 0x80; }));
}

TEST(RenderText, AChildIsNamed) {
  Case c = divided();
  c.program.fork = {"fork", 4200, 12, true, {}};
  EXPECT_THAT(render_text(c, by_zero(), {}),
              HasSubstr("  process   pid 4242, forked by pid 4200, which had 12 other threads then\n"));
}

TEST(RenderText, APoolThreadShowsWhomItWorksFor) {
  Case c = divided();
  Thread main = c.threads[0];
  main.crashed = false;
  main.native.clear();
  main.merged = {{true, 0}};
  c.threads[0].python.clear();
  c.threads[0].merged = {{false, 0}};
  c.threads[0].tid = 4250;
  c.threads[0].is_main = false;
  c.threads[0].name = "pool_0";
  c.threads[0].works_for_tid = 4242;
  c.threads.push_back(main);
  const std::string text = render_text(c, by_zero(), {.unicode = false});
  EXPECT_THAT(text, HasSubstr("  stack     of thread 4250 \"pool_0\", innermost first\n"));
  EXPECT_THAT(text, HasSubstr("  caller    the crashed thread works for the main thread\n"
                              "            > py  build  train.py:12\n"));
}

TEST(RenderText, WhatTheVerdictSaysIsNotSaidTwice) {
  Case c = divided();
  c.messages.abort_text = "the divisor `ecx` was 0";
  EXPECT_THAT(render_text(c, by_zero(), {}), Not(HasSubstr("  message ")));
  c.messages.abort_text = "free(): invalid pointer";
  EXPECT_THAT(render_text(c, by_zero(), {}), HasSubstr("  message   free(): invalid pointer\n"));
}

TEST(RenderText, TheCaseIsNamedLast) {
  const std::string text = render_text(divided(), by_zero(), {.case_path = "segwhy-train-4242.case"});
  EXPECT_THAT(text, HasSubstr("\n  case      segwhy-train-4242.case\n"));
}

TEST(RenderText, VerboseShowsEverything) {
  Case c = divided();
  c.messages.stderr_tail = "hello\nworld\n";
  c.program.environment["OMP_NUM_THREADS"] = "4";
  const std::string text = render_text(c, by_zero(), {.height = 5, .verbose = true});
  EXPECT_THAT(text, HasSubstr("Pool::Compute(Context*)"));
  EXPECT_THAT(text, HasSubstr("OMP_NUM_THREADS=4"));
  EXPECT_THAT(text, HasSubstr("hello"));
  EXPECT_THAT(text, Not(HasSubstr("--verbose shows all")));
}

TEST(RenderText, AnEmptyCaseIsAReportToo) {
  Verdict v;
  v.verdict_class = "unknown";
  EXPECT_EQ(render_text(Case{}, v, {}), "segwhy: unknown (possible)\n");
}

}  // namespace
}  // namespace segwhy
