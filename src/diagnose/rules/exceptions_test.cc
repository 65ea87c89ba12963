// What is advised for an exception that nobody catches: by what kept it from its handler.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "diagnose/testing/case_builder.h"

namespace segwhy {
namespace {

using namespace testing_support;  // NOLINT(google-build-using-namespace): a test's vocabulary
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr char kStdlib[] = "/lib/libstdc++.so.6";

NativeFrame of_user(const char* name) {
  NativeFrame frame = native(name, "/home/u/libmine.so");
  frame.origin = "user";
  return frame;
}

CaseBuilder& thrown(CaseBuilder& b, const std::vector<NativeFrame>& stack) {
  return b.abort().said("terminate called after throwing an instance of 'E'\n  what():  no disk\n").crashed(stack);
}

std::vector<std::string> advice_for(const std::vector<NativeFrame>& stack) {
  CaseBuilder b;
  return thrown(b, stack).verdict().advice;
}

// The crashed thread is one that native code started; `with_python`: Python did, by a callback or threading.
std::vector<std::string> advice_in_thread(bool with_python) {
  CaseBuilder b;
  thrown(b,
         {libc("abort"), native("std::terminate()", kStdlib), of_user("work"), libc("start_thread"), libc("clone3")});
  Thread& thread = b.raw().threads.at(0);
  thread.is_main = false;
  if (!with_python) thread.python.clear();
  return b.verdict().advice;
}

TEST(Noexcept, NamesTheUsersFunctionBetweenThrowAndCatch) {
  EXPECT_THAT(advice_for({libc("abort"), native("__gxx_personality_v0", kStdlib), native("__cxa_throw", kStdlib),
                          native("std::vector<int>::at"), of_user("load"), interpreter("f")}),
              Contains(HasSubstr("declared noexcept, load or one that called it")));
}

TEST(Noexcept, ADestructorNeedsNoDeclaration) {
  EXPECT_THAT(advice_for({libc("abort"), native("__gxx_personality_v0", kStdlib), native("__cxa_throw", kStdlib),
                          of_user("Guard::~Guard"), of_user("load")}),
              Contains(HasSubstr("the destructor Guard::~Guard")));
}

TEST(ExceptionOfAThread, IsToBeCaughtInsideIt) {
  EXPECT_THAT(advice_in_thread(false), Contains(HasSubstr("in the function that the thread runs")));
}

TEST(ExceptionOfAThread, OfPythonsOwnThreadsIsTheLinesBusiness) {
  EXPECT_THAT(advice_in_thread(true), Not(Contains(HasSubstr("the thread runs"))));
}

}  // namespace
}  // namespace segwhy
