#include "pystate/program_body.h"

#include <gtest/gtest.h>

#include "pystate/fake_python.h"

namespace segwhy::pystate {
namespace {

class BodyOf : public testing::TestWithParam<int> {
 protected:
  // Frames named innermost first; none: the thread is in no Python code.
  void thread(const std::vector<const char*>& functions) {
    TargetAddr at;
    for (auto name = functions.rbegin(); name != functions.rend(); ++name) at = python.frame(python.code(*name, 1), at);
    python.thread(main, at, 0x1000, 11);
  }
  std::optional<bool> executed() { return is_body_executed(python.memory(), python.layout(), python.runtime(main)); }

  FakePython python{GetParam()};
  TargetAddr main = python.interpreter(0);
};

INSTANTIATE_TEST_SUITE_P(Versions, BodyOf, testing::Range(kOldestMinor, kNewestMinor + 1));

TEST_P(BodyOf, AScript) {
  thread({"step", "<module>"});
  EXPECT_EQ(executed(), true);
}

TEST_P(BodyOf, AModuleRunByName) {
  thread({"step", "<module>", "_run_code", "_run_module_as_main"});
  EXPECT_EQ(executed(), true);
}

TEST_P(BodyOf, AThreadThatGoesOnAfterTheScript) {
  thread({"_shutdown"});
  thread({"work", "Thread.run", "Thread._bootstrap"});
  EXPECT_EQ(executed(), true);
}

TEST_P(BodyOf, WhatRunsAtExitIsNone) {
  thread({"clean_up", "_exit_function"});
  EXPECT_EQ(executed(), false);
}

TEST_P(BodyOf, NoPythonCodeAtAll) {
  thread({});
  EXPECT_EQ(executed(), false);
}

TEST_P(BodyOf, Finalizing) {
  thread({"__del__", "<module>"});
  const TargetAddr runtime = python.runtime(main);
  if (!python.layout().has(Field::kRuntimeFinalizing)) GTEST_SKIP() << "this version does not tell";
  python.put_field(runtime, Field::kRuntimeFinalizing, 1);
  EXPECT_EQ(is_body_executed(python.memory(), python.layout(), runtime), false);
}

TEST_P(BodyOf, ATornChainTellsNothing) {
  python.thread(main, TargetAddr(FakeMemory::kBase + 64), 0x1000, 11);
  EXPECT_EQ(executed(), std::nullopt);
}

TEST_P(BodyOf, NoInterpreter) {
  EXPECT_EQ(is_body_executed(python.memory(), python.layout(), TargetAddr(8)), std::nullopt);
  EXPECT_EQ(executed(), std::nullopt) << "no thread at all";
}

}  // namespace
}  // namespace segwhy::pystate
