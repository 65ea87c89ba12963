// Aborts: who ended the process on purpose, and what is only an old line in its log.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "diagnose/testing/case_builder.h"

namespace segwhy {
namespace {

using namespace testing_support;  // NOLINT(google-build-using-namespace): a test's vocabulary
using testing::HasSubstr;
using testing::Not;

CaseBuilder aborted(const std::string& text,
                    std::vector<NativeFrame> stack = {libc("abort"), native("Kernel::Compute")}) {
  CaseBuilder b;
  b.abort().said(text).crashed(std::move(stack));
  return b;
}

TEST(CheckFailed, ConditionValuesOpAndLine) {
  auto b = aborted(
      "F tensorflow/core/framework/tensor.cc:673] Check failed: 1 == NumElements() (1 vs. 6)Must have a one element "
      "tensor\n",
      {libc("abort"), native("tensorflow::internal::LogMessageFatal::~LogMessageFatal()"), native("Kernel::Compute")});
  b.op("FakeQuantWithMinMaxVars", {tensor("input 0", "float32", {0}), tensor("input 1", "float32", {6})});
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "check-failed");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_THAT(v.summary, HasSubstr("Op FakeQuantWithMinMaxVars failed the check `1 == NumElements()`"));
  EXPECT_THAT(v.summary, HasSubstr("left is 1, right is 6"));
  EXPECT_THAT(v.summary, HasSubstr("tensor.cc:673"));
  EXPECT_THAT(all_text(v), HasSubstr("main.py:8"));
  EXPECT_THAT(all_text(v), HasSubstr("input 1 has 6 elements"));
  EXPECT_THAT(all_text(v), Not(HasSubstr("is empty")));
}

TEST(CheckFailed, OldLineBeforeASegfault) {
  CaseBuilder b;
  b.signal(SIGSEGV).crashed({native("f")}).said("F a.cc:1] Check failed: x\n").fault(0, "read");
  b.instruction("mov", "move", {.base = "rax"});
  EXPECT_EQ(b.verdict().verdict_class, "null-pointer");
}

TEST(CheckFailed, GlibcsOwnLastWordsWin) {
  auto b = aborted("F a.cc:1] Check failed: x\n");
  b.abort_text("corrupted double-linked list\n");
  EXPECT_EQ(b.verdict().verdict_class, "heap-corruption");
}

TEST(UncaughtException, FromTheLastWordsAndFromMemory) {
  auto said = aborted("terminate called after throwing an instance of 'Lib::Error'\n  what():  rank deficient\n",
                      {libc("abort"), native("std::terminate()", "/lib/libstdc++.so.6"), native("Worker::Run")});
  const Verdict v = said.verdict();
  EXPECT_EQ(v.verdict_class, "uncaught-exception");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_THAT(v.summary, HasSubstr("Lib::Error"));
  EXPECT_THAT(v.advice.front(), HasSubstr("rank deficient"));

  auto silent = aborted("", {libc("abort"), native("std::terminate()", "/lib/libstdc++.so.6"), native("Worker::Run")});
  silent.raw().messages.exception = CxxException{"Lib::Error", "gone", "memory", {}};
  EXPECT_EQ(silent.verdict().verdict_class, "uncaught-exception");
}

TEST(UncaughtException, OneBeingHandledWhenACheckFails) {
  auto b = aborted("F a.cc:1] Check failed: a == b (1 vs. 2) \n");
  b.raw().messages.exception = CxxException{"Lib::Error", "handled", "memory", {}};
  EXPECT_EQ(b.verdict().verdict_class, "check-failed");
}

TEST(UncaughtException, JoinableThreadIsNamed) {
  const Verdict v = aborted("terminate called without an active exception\n").verdict();
  EXPECT_EQ(v.verdict_class, "uncaught-exception");
  EXPECT_EQ(v.confidence, Confidence::kLikely);
  EXPECT_THAT(v.summary, HasSubstr("join"));
}

TEST(UncaughtException, StoppedByNoexcept) {
  constexpr char kCxx[] = "/lib/libstdc++.so.6";
  const char* words = "terminate called after throwing an instance of 'E'\n  what():  gone\n";
  auto wall = aborted(words, {libc("abort"), native("std::terminate()", kCxx), native("__gxx_personality_v0", kCxx),
                              native("_Unwind_RaiseException", "/lib/libgcc_s.so.1"), native("__cxa_throw", kCxx),
                              native("Worker::step"), native("Worker::~Worker")});
  EXPECT_THAT(all_text(wall.verdict()), HasSubstr("lets no exception out"));
  EXPECT_THAT(all_text(wall.verdict()), HasSubstr("the destructor Worker::~Worker"));

  // Nobody catches it at all: __cxa_throw itself gives up.
  auto open = aborted(words, {libc("abort"), native("std::terminate()", kCxx), native("__cxa_throw", kCxx),
                              native("Worker::step"), native("Worker::~Worker")});
  EXPECT_THAT(all_text(open.verdict()), Not(HasSubstr("noexcept")));
}

TEST(Abort, PureVirtualCallIsNoException) {
  const Verdict v = aborted("pure virtual method called\nterminate called without an active exception\n").verdict();
  EXPECT_EQ(v.verdict_class, "abort");
  EXPECT_TRUE(has_alternative(v, "use-after-free"));
}

TEST(Assertion, GlibcLibzmqAndHardening) {
  auto plain = aborted("");
  plain.abort_text("python: ring.c:42: push: Assertion `n > 0' failed.\n");
  EXPECT_EQ(plain.verdict().verdict_class, "assertion");
  EXPECT_EQ(plain.verdict().confidence, Confidence::kCertain);

  auto zmq = aborted("Too many open files (src/epoll.cpp:65)\n");
  zmq.raw().machine.limits["nofile"] = {6, 6};
  EXPECT_EQ(zmq.verdict().verdict_class, "assertion");
  EXPECT_THAT(zmq.verdict().advice.front(), HasSubstr("now 6"));

  auto fortify = aborted("*** buffer overflow detected ***: terminated\n");
  EXPECT_EQ(fortify.verdict().verdict_class, "assertion");
  EXPECT_TRUE(has_factor(fortify.verdict(), "out-of-bounds-write"));
}

TEST(Assertion, AnErrnoLineFurtherUpIsNoCause) {
  const Verdict v = aborted("Bad address (src/io.cpp:3)\nsomething else happened\n").verdict();
  EXPECT_EQ(v.verdict_class, "abort");
  EXPECT_THAT(v.summary, HasSubstr("something else happened"));
}

TEST(PythonFatal, GilMisuseRecursionAndDeadHandles) {
  const Verdict gil = aborted(
                          "Fatal Python error: PyThreadState_Get: the function must be called with the GIL held, but "
                          "the GIL is released\n",
                          {libc("abort"), interpreter("fatal_error_exit"), native("callback")})
                          .verdict();
  EXPECT_EQ(gil.verdict_class, "python-fatal");
  EXPECT_EQ(gil.confidence, Confidence::kCertain);
  EXPECT_TRUE(has_factor(gil, "gil-misuse"));
  const Verdict deep = aborted("Fatal Python error: Cannot recover from stack overflow.\n").verdict();
  EXPECT_EQ(deep.verdict_class, "python-fatal");
  EXPECT_TRUE(has_factor(deep, "stack-overflow"));
  const Verdict dead =
      aborted(
          "Fatal Python error: ffi.from_handle() detected that the address passed points to garbage. If it is really "
          "the result of ffi.new_handle(), then the Python object has already been garbage collected\n")
          .verdict();
  EXPECT_EQ(dead.verdict_class, "python-fatal");
  EXPECT_TRUE(has_alternative(dead, "use-after-free"));
}

TEST(PythonFatal, FaulthandlersEchoIsNot) {
  EXPECT_EQ(aborted("Fatal Python error: Aborted\n\n").verdict().verdict_class, "abort");
}

CaseBuilder without_gil(const char* function) {
  CaseBuilder b;
  b.signal(SIGSEGV).crashed({interpreter(function), native("callback")}).fault(0x8, "read");
  b.instruction("mov rax, [rdi+8]", "move", {.base = "rdi", .base_value = 0, .displacement = 8});
  b.raw().threads.front().holds_gil = false;
  return b;
}

TEST(PythonFatal, NullThreadStateWithoutTheGil) {
  const Verdict v = without_gil("PyList_New").verdict();
  EXPECT_EQ(v.verdict_class, "python-fatal");
  EXPECT_EQ(v.confidence, Confidence::kLikely);
  EXPECT_TRUE(has_factor(v, "gil-misuse"));
  EXPECT_TRUE(has_alternative(v, "null-pointer"));
}

TEST(PythonFatal, WaitingForTheGilIsAllowedWithoutIt) {
  EXPECT_EQ(without_gil("take_gil").verdict().verdict_class, "null-pointer");
}

TEST(Abort, NamesTheCallerAndTheLastLine) {
  const Verdict v = aborted("Concurrent access has been detected.\n").verdict();
  EXPECT_EQ(v.verdict_class, "abort");
  EXPECT_THAT(v.summary, HasSubstr("Kernel::Compute"));
  EXPECT_THAT(v.summary, HasSubstr("Concurrent access"));
  EXPECT_EQ(aborted("", {libc("abort"), interpreter("os_abort")}).verdict().confidence, Confidence::kCertain);
}

TEST(Abort, ExceptionThatWasCaughtAndPrintedIsNotUncaught) {
  auto b = aborted("FFT failed:\nno zero-sized FFTs\n");
  b.raw().messages.exception =
      CxxException{"std::runtime_error", "assertion failure\nno zero-sized FFTs", "memory", {}};
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "abort");
  EXPECT_THAT(v.summary, HasSubstr("caught and printed first: std::runtime_error"));
  b.raw().messages.exception->what = "something else";
  EXPECT_THAT(b.verdict().summary, Not(HasSubstr("caught")));
}

TEST(Abort, InputsThatTheLastWordsSpeakOf) {
  auto b = aborted("no zero-sized FFTs\n");
  b.op("IRFFT", {tensor("input 0", "complex64", {2, 3}), tensor("input 1", "int32", {1}, "[0]")});
  EXPECT_THAT(all_text(b.verdict()), HasSubstr("Check this before IRFFT runs at main.py:8: input 1 holds 0"));

  // A 0 that nobody spoke of is a label or an index like any other.
  auto other = aborted("rank mismatch\n");
  other.op("IRFFT", {tensor("input 1", "int32", {1}, "[0]")});
  EXPECT_THAT(all_text(other.verdict()), Not(HasSubstr("holds 0")));
}

TEST(Abort, RustPanic) {
  const Verdict v = aborted("thread '<unnamed>' panicked at src/lib.rs:9:5:\nindex out of bounds\n").verdict();
  EXPECT_EQ(v.verdict_class, "abort");
  EXPECT_THAT(v.summary, HasSubstr("Rust"));
  EXPECT_THAT(v.summary, HasSubstr("src/lib.rs:9"));
}

TEST(Killed, AbortSentByAnotherProcess) {
  CaseBuilder b;
  b.signal(SIGABRT, 0).sender(99, "watchdog").crashed({native("f")});
  EXPECT_EQ(b.verdict().verdict_class, "killed");
}

constexpr char kCheckWords[] = "F0101 00:00:00.0 1 a.cc:1] Check failed: x > 0 (0 vs. 1)\n";
constexpr char kBadAllocWords[] =
    "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc\n";

TEST(AbortOrigin, WordsAloneAreNeverCertain) {
  EXPECT_EQ(aborted(kCheckWords).verdict().confidence, Confidence::kLikely);
  EXPECT_EQ(aborted(kBadAllocWords).verdict().confidence, Confidence::kLikely);
}

TEST(AbortOrigin, RelayedWordsBeforeOsAbort) {
  for (const char* words : {kCheckWords, kBadAllocWords, "Fatal Python error: deallocating None\n"}) {
    const Verdict v = aborted(words, {libc("abort"), interpreter("os_abort_impl")}).verdict();
    EXPECT_EQ(v.verdict_class, "abort") << words;
    EXPECT_EQ(v.confidence, Confidence::kCertain) << words;
    EXPECT_THAT(v.summary, HasSubstr("os.abort() was called"));
    EXPECT_THAT(all_text(v), Not(HasSubstr("std::terminate was reached"))) << words;
  }
}

TEST(AbortOrigin, SignalThatTheProgramSentItself) {
  auto b = aborted(kCheckWords, {libc("kill"), interpreter("os_kill_impl")});
  b.signal(SIGABRT, 0).sender(kPid);
  EXPECT_EQ(b.verdict().verdict_class, "abort");
  EXPECT_THAT(b.verdict().summary, HasSubstr("kill()"));
}

TEST(AbortOrigin, AbortThroughCtypes) {
  const Verdict v = aborted(kCheckWords, {libc("abort"), native("", "/lib/libffi.so.8.1.2"),
                                          native("_call_function_pointer", "/lib/_ctypes.cpython-312.so")})
                        .verdict();
  EXPECT_EQ(v.verdict_class, "abort");
  EXPECT_THAT(v.summary, HasSubstr("abort() was called through ctypes"));
}

TEST(AbortOrigin, LibraryCalledThroughCtypesThatAbortsIsNoRequest) {
  const Verdict v =
      aborted(kCheckWords, {libc("abort"), native("google::LogMessage::Fail()"), native("", "/lib/libffi.so.8.1.2")})
          .verdict();
  EXPECT_EQ(v.verdict_class, "check-failed");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
}

TEST(AbortOrigin, StrippedCxxRuntimeStillProvesTermination) {
  const Verdict v = aborted("terminate called after throwing an instance of 'Lib::Error'\n  what():  x\n",
                            {libc("abort"), native("", "/lib/libstdc++.so.6.0.30"), native("parse")})
                        .verdict();
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_THAT(all_text(v), HasSubstr("std::terminate was reached from parse"));
}

}  // namespace
}  // namespace segwhy
