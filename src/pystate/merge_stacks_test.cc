#include <gtest/gtest.h>

#include "pystate/python_state.h"

namespace segwhy {
namespace {

constexpr char kLibPython[] = "/usr/lib/libpython3.8.so.1.0";
constexpr char kProgram[] = "/usr/bin/python3.11";

NativeFrame native(const std::string& symbol, const std::string& module = kLibPython) {
  NativeFrame f;
  f.symbol = f.function = symbol;
  f.module = module;
  return f;
}
NativeFrame evaluation(const std::string& module = kLibPython) {
  return native("_PyEval_EvalFrameDefault", module);
}
NativeFrame extension(const std::string& symbol) {
  return native(symbol, "/site-packages/ext.so");
}

PythonFrame python(const std::string& function, bool entry = true) {
  PythonFrame f;
  f.function = function;
  f.entry = entry;
  return f;
}

// The merged stack as text: function names, Python's in capitals by convention of these tests.
std::string merged(std::vector<NativeFrame> natives, std::vector<PythonFrame> pythons, bool truncated = false) {
  Thread t;
  t.native = std::move(natives);
  t.python = std::move(pythons);
  t.native_truncated = truncated;
  merge_stacks(t);
  std::string out;
  for (const MergedFrame& m : t.merged)
    out += (out.empty() ? "" : " ") + (m.is_python ? t.python.at(m.index).function : t.native.at(m.index).symbol);
  return out;
}

TEST(MergeStacks, EachEvaluationStandsForOneFrameBefore311) {
  EXPECT_EQ(merged({extension("kernel"), native("cfunction_call"), evaluation(), native("_PyFunction_Vectorcall"),
                    evaluation(), native("PyEval_EvalCode"), native("pymain_run_python"), native("Py_BytesMain"),
                    native("__libc_start_call_main", "/lib/libc.so.6"), native("_start", "/usr/bin/python3.8")},
                   {python("INNER"), python("OUTER")}),
            "kernel INNER OUTER");
}

TEST(MergeStacks, AnEvaluationStandsForTheRunUpToItsEntry) {
  EXPECT_EQ(merged({extension("kernel"), evaluation(), extension("callback"), evaluation(), native("Py_RunMain")},
                   {python("A", false), python("B"), python("C", false), python("D", false), python("E")}),
            "kernel A B callback C D E");
}

TEST(MergeStacks, PiecesOfTheEvaluationLoopAreIt) {
  EXPECT_EQ(
      merged({native("_PyEval_EvalFrameDefault.cold"), extension("x"), native("_PyEval_EvalFrameDefault.lto_priv.0"),
              extension("y"), native("_TAIL_CALL_CALL_BUILTIN_FAST")},
             {python("A"), python("B"), python("C")}),
      "A x B y C");
}

TEST(MergeStacks, AFrameInlinedIntoTheEvaluationLoopIsNotAnother) {
  NativeFrame inlined = evaluation();
  inlined.inlined = true;
  EXPECT_EQ(merged({inlined, evaluation(), extension("x")}, {python("A"), python("B")}), "A x B");
}

TEST(MergeStacks, WhatTheInterpreterItselfWasDoingIsKept) {
  EXPECT_EQ(
      merged({native("list_sort_impl"), native("cfunction_vectorcall_NOARGS"), evaluation(), native("Py_RunMain")},
             {python("A")}),
      "list_sort_impl A");
  // Further out it is only how Python came to be called.
  EXPECT_EQ(
      merged({extension("x"), evaluation(), native("list_sort_impl"), evaluation()}, {python("KEY"), python("A")}),
      "x KEY A");
}

TEST(MergeStacks, UnnamedFramesOfAStrippedInterpreterAreInternals) {
  EXPECT_EQ(merged({extension("kernel"), native("", kProgram), evaluation(kProgram), native("", kProgram),
                    extension("callback"), native("", kProgram), evaluation(kProgram), native("", kProgram)},
                   {python("A"), python("B")}),
            "kernel A callback B");
}

TEST(MergeStacks, WithoutAnyNameOfTheEvaluationPythonGoesWhereTheInterpreterIs) {
  EXPECT_EQ(merged({extension("kernel"), native("", kProgram), native("", kProgram),
                    native("__libc_start_main", "/lib/libc.so.6")},
                   {python("A"), python("B")}),
            "kernel A B");
}

TEST(MergeStacks, NoPythonFrameIsDropped) {
  // The unwinder lost its way in the kernel.
  EXPECT_EQ(merged({extension("kernel")}, {python("A"), python("B")}), "kernel A B");
  EXPECT_EQ(merged({}, {python("A")}), "A");
  EXPECT_EQ(merged({extension("k"), evaluation(), extension("c")}, {python("A"), python("B"), python("C")}),
            "k A c B C");
}

TEST(MergeStacks, AnEvaluationThatHasNotLinkedItsFrameYetIsAhead) {
  // Died on its way into the innermost function: the native frame is there, the Python frame is not.
  EXPECT_EQ(
      merged({evaluation(), extension("x"), evaluation(), extension("y"), evaluation()}, {python("A"), python("B")}),
      "x A y B");
  // Unless frames are missing: then nothing can be said, and the innermost ones fit.
  EXPECT_EQ(merged({evaluation(), extension("x"), evaluation(), extension("y"), evaluation()},
                   {python("A"), python("B")}, true),
            "A x B y");
}

TEST(MergeStacks, FramesLeftOutOfTheMiddleLeaveTheirPythonFramesThere) {
  std::vector<NativeFrame> natives{extension("x"), evaluation(),          evaluation(),
                                   evaluation(),   extension("callback"), evaluation()};
  std::uint64_t sp = 0x1000;
  for (std::size_t i = 0; i < natives.size(); ++i) natives[i].sp = sp += i == 3 ? 0x100000 : 0x100;
  EXPECT_EQ(merged(natives, {python("A"), python("B"), python("C"), python("D"), python("E"), python("F")}, true),
            "x A B C D E callback F");
  // Runs of inlined frames stay whole.
  EXPECT_EQ(merged(natives,
                   {python("A"), python("B"), python("c", false), python("C"), python("e", false), python("E"),
                    python("f", false), python("F")},
                   true),
            "x A B c C e E callback f F");
}

TEST(MergeStacks, ThreadStarts) {
  EXPECT_EQ(merged({extension("x"), evaluation(), native("thread_run"), native("start_thread", "/lib/libc.so.6"),
                    native("clone3", "/lib/libc.so.6")},
                   {python("A")}),
            "x A");
  EXPECT_EQ(merged({evaluation(), native("__libc_start_main@@GLIBC_2.34", "/lib/libc.so.6")}, {python("A")}), "A");
}

TEST(MergeStacks, AProgramThatEmbedsPythonKeepsItsOwnFrames) {
  EXPECT_EQ(merged({evaluation(), native("PyRun_SimpleStringFlags"), native("main", "/usr/bin/app"),
                    native("_start", "/usr/bin/app")},
                   {python("A")}),
            "A main");
}

TEST(MergeStacks, AThreadWithoutPythonStaysNative) {
  EXPECT_EQ(merged({extension("worker"), native("PyGILState_Ensure"), native("start_thread", "/lib/libc.so.6")}, {}),
            "worker PyGILState_Ensure start_thread");
}

}  // namespace
}  // namespace segwhy
