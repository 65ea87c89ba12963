// In whose service the code that died was: signal handlers, callbacks, threads of its own, finalisers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "diagnose/testing/case_builder.h"

namespace segwhy {
namespace {

using namespace testing_support;  // NOLINT(google-build-using-namespace): a test's vocabulary
using testing::HasSubstr;
using testing::Not;

constexpr char kCtypes[] = "/usr/lib/python3.11/lib-dynload/_ctypes.cpython-311-x86_64-linux-gnu.so";

NativeFrame at(NativeFrame frame, const char* file, int line) {
  frame.file = file;
  frame.line = line;
  return frame;
}

CaseBuilder null_write(std::vector<NativeFrame> stack) {
  CaseBuilder b;
  b.signal(SIGSEGV).crashed(std::move(stack)).fault(0, "write");
  b.instruction("mov [rdx], rcx", "move", {.base = "rdx"});
  b.raw().threads.front().python.front().source = "lib.fire(3)";
  return b;
}

TEST(SignalHandler, IsNamedWithWhatItInterrupted) {
  NativeFrame delivery = libc("__restore_rt");
  delivery.signal_frame = true;
  auto b = null_write({at(native("on_usr1"), "/home/u/ext.cc", 33), delivery, libc("kill"), interpreter("os_kill")});
  const Verdict v = b.verdict();
  EXPECT_THAT(all_text(v), HasSubstr("on_usr1 ran as a signal handler, which interrupted kill."));
  EXPECT_THAT(all_text(v), HasSubstr("Look at the signal handler on_usr1 (ext.cc:33)"));
  EXPECT_THAT(all_text(v), Not(HasSubstr("passes into native code")));
}

TEST(SignalHandler, FaultIsNotBlamedOnOneThatTheProgramWasNotIn) {
  EXPECT_THAT(all_text(null_write({native("work"), interpreter("call")}).verdict()), Not(HasSubstr("signal handler")));
  NativeFrame delivery = libc("__restore_rt");
  delivery.signal_frame = true;
  EXPECT_THAT(all_text(null_write({delivery, native("work")}).verdict()), Not(HasSubstr("signal handler")));
}

TEST(Callback, OneThatWasCollectedMayBeBehindANull) {
  auto b = null_write({interpreter("_PyObject_GC_UNTRACK"), interpreter("func_dealloc"),
                       native("_CallPythonObject", kCtypes), native("closure_fcn", kCtypes), native("fire")});
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "null-pointer");
  EXPECT_EQ(v.confidence, Confidence::kLikely);
  EXPECT_TRUE(has_alternative(v, "use-after-free"));
  EXPECT_THAT(v.advice.front(), HasSubstr("Keep a reference to the callback object"));
}

TEST(Callback, NativeCodeThatItCalledAnswersForItself) {
  auto b = null_write({native("fill"), native("ffi_call", "/usr/lib/libffi.so.8"), interpreter("PyObject_Vectorcall"),
                       native("closure_fcn", kCtypes), native("fire")});
  const Verdict v = b.verdict();
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_FALSE(has_alternative(v, "use-after-free"));
}

TEST(OwnThread, LineOfAnotherThreadIsNotBlamed) {
  CaseBuilder b;
  b.other_thread({}, {python("/home/u/main.py", 6, "wait")});
  b.raw().threads.front().is_main = true;
  b.raw().threads.front().python.front().source = "while True: time.sleep(0.01)";
  b.signal(SIGSEGV)
      .crashed({at(native("worker"), "/home/u/ext.cc", 36), libc("start_thread")}, false)
      .fault(0, "write");
  b.instruction("mov [rdx], rcx", "move", {.base = "rdx"});
  b.raw().threads.front().is_main = false;
  const Verdict v = b.verdict();
  ASSERT_TRUE(v.where);
  EXPECT_EQ(v.where->line, 6);
  EXPECT_THAT(all_text(v), Not(HasSubstr("time.sleep")));
  EXPECT_THAT(v.advice.front(), HasSubstr("Look at worker (ext.cc:36)"));
}

TEST(ExitTeardown, FinaliserOfTheUsersIsNamed) {
  auto b = null_write({native("i_set", kCtypes), interpreter("subtype_dealloc"), interpreter("Py_FinalizeEx")});
  b.raw().program.finalizing = true;
  b.raw().threads.front().python = {python("/home/u/main.py", 5, "Handle.__del__")};
  const Verdict v = b.verdict();
  ASSERT_EQ(v.verdict_class, "exit-teardown");
  EXPECT_THAT(v.advice.front(), HasSubstr("Look at Handle.__del__ (main.py:5)"));
  EXPECT_THAT(all_text(v), Not(HasSubstr("i_set explicitly")));
}

TEST(Abort, RaiseIsNotCalledAbort) {
  CaseBuilder b;
  b.abort().crashed({libc("__pthread_kill_implementation"), libc("raise"), native("give_up")});
  EXPECT_THAT(b.verdict().summary, HasSubstr("give_up raised SIGABRT"));
  CaseBuilder called;
  called.abort().crashed({libc("__pthread_kill_implementation"), libc("raise"), libc("abort"), native("give_up")});
  EXPECT_THAT(called.verdict().summary, HasSubstr("give_up called abort()"));
}

TEST(Killed, ChildIsNotCalledTheProgram) {
  CaseBuilder b;
  b.signal(SIGKILL, 0);
  b.raw().program.fork.origin = "fork";
  b.raw().program.age_s = 0.02;
  const Verdict v = b.verdict();
  EXPECT_THAT(v.summary, HasSubstr("A process that the program started was ended by SIGKILL"));
  EXPECT_THAT(all_text(v), Not(HasSubstr("time limit,"))) << "none is that short";
}

}  // namespace
}  // namespace segwhy
