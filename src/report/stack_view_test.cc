#include "report/stack_view.h"

#include <gtest/gtest.h>

#include <string>

namespace segwhy::report {
namespace {

using Kind = StackRow::Kind;

PythonFrame python(const std::string& function, const std::string& origin = "user", int line = 1) {
  PythonFrame f;
  f.file = origin == "package" ? "/opt/lib/python3.8/site-packages/numpy/core/x.py" : "/home/u/train.py";
  f.function = function;
  f.line = line;
  f.origin = origin;
  return f;
}

NativeFrame native(const std::string& function) {
  NativeFrame f;
  f.function = function;
  f.module = "/usr/lib/libx.so";
  return f;
}

// kernel, <2 frames of the interpreter>, python main, <1 frame>
Thread merged_thread() {
  Thread t;
  t.native = {native("kernel"), native("_PyEval"), native("call"), native("main")};
  t.python = {python("main")};
  t.merged = {{false, 0}, {true, 0}, {false, 3}};
  return t;
}

TEST(StackRows, InterpreterFramesAreCountedWhereTheyWere) {
  const Thread t = merged_thread();
  const auto rows = stack_rows(t, false);
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].native, &t.native[0]);
  EXPECT_EQ(rows[1].python, &t.python[0]);
  EXPECT_EQ(rows[2].kind, Kind::kInterpreter);
  EXPECT_EQ(rows[2].count, 2U);
  EXPECT_EQ(rows[3].native, &t.native[3]);
}

TEST(StackRows, ExpandedTheyAreListed) {
  const Thread t = merged_thread();
  EXPECT_EQ(stack_rows(t, true).size(), 5U);
}

TEST(StackRows, WithoutAMergeBothListsAreShown) {
  Thread t = merged_thread();
  t.merged.clear();
  EXPECT_EQ(stack_rows(t, false).size(), 5U);
}

TEST(StackRows, IndicesThatPointNowhereAreLeftOut) {
  Thread t = merged_thread();
  t.merged.push_back({false, 99});
  t.merged.push_back({true, 99});
  EXPECT_EQ(stack_rows(t, false).size(), 4U);
}

TEST(StackRows, RecursionIsShownOnceWithItsCount) {
  Thread t;
  for (int i = 0; i < 50; ++i) {
    t.python.push_back(python("even"));
    t.python.push_back(python("odd"));
  }
  t.python.push_back(python("main"));
  for (std::uint32_t i = 0; i < t.python.size(); ++i) t.merged.push_back({true, i});
  const auto rows = stack_rows(t, false);
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[2].kind, Kind::kRepeats);
  EXPECT_EQ(rows[2].period, 2U);
  EXPECT_EQ(rows[2].count, 49U);
  EXPECT_EQ(rows[3].python->function, "main");
}

TEST(StackRows, TwoCallsOfOneFunctionAreNotRecursion) {
  Thread t;
  t.python = {python("f", "user", 1), python("f", "user", 2), python("f", "user", 1)};
  t.merged = {{true, 0}, {true, 1}, {true, 2}};
  EXPECT_EQ(stack_rows(t, false).size(), 3U);
}

TEST(StackRows, FramesThatWereNotKeptAreCounted) {
  Thread t = merged_thread();
  t.native_depth = 100000;
  const auto rows = stack_rows(t, false);
  EXPECT_EQ(rows.back().kind, Kind::kNotKept);
  EXPECT_EQ(rows.back().count, 100000U - t.native.size());
}

TEST(StackRows, TheWayToTheAbortIsFolded) {
  Thread t;
  t.native = {native("__pthread_kill_implementation"), native("raise"), native("abort"), native("check"),
              native("raise")};
  t.merged = {{false, 0}, {false, 1}, {false, 2}, {false, 3}, {false, 4}};
  const auto rows = stack_rows(t, false);
  ASSERT_EQ(rows.size(), 3U) << "a raise further out is the program's own";
  EXPECT_EQ(rows[0].kind, Kind::kAbort);
  EXPECT_EQ(rows[0].count, 3U);
  EXPECT_EQ(stack_rows(t, true).size(), 5U);
}

TEST(StackItems, TheUsersFramesAreMarkedAndStayLongest) {
  Thread t;
  t.native = {native("kernel")};
  t.python = {python("sum", "package"), python("main", "user", 12)};
  t.merged = {{false, 0}, {true, 0}, {true, 1}};
  const auto items = stack_items(stack_rows(t, false), {.width = 60, .cwd = "/home/u"});
  ASSERT_EQ(items.size(), 3U);
  EXPECT_EQ(items[0].line.text(), "  C   kernel  libx.so");
  EXPECT_EQ(items[1].line.text(), "  py  sum     numpy/core/x.py:1");
  EXPECT_EQ(items[2].line.text(), "\xE2\x96\xB6 py  main    train.py:12");
  EXPECT_LT(items[2].rank, items[1].rank);
}

TEST(StackItems, WholeNamesAreNotCut) {
  Thread t;
  t.native = {native(std::string(300, 'x'))};
  t.native[0].short_name = "short";
  const auto rows = stack_rows(t, false);
  EXPECT_EQ(stack_items(rows, {.width = 60})[0].line.text(), "  C   short  libx.so");
  EXPECT_GT(stack_items(rows, {.width = 60, .whole = true})[0].line.width(), 300U);
}

}  // namespace
}  // namespace segwhy::report
