#include "monitor/policy.h"

#include <gtest/gtest.h>

#include <csignal>

namespace segwhy {
namespace {

Case ended_by_signal(int signal) {
  Case evidence;
  evidence.death.kind = "signal";
  evidence.death.signal = signal;
  return evidence;
}

Case exited(int status) {
  Case evidence;
  evidence.death.kind = "exit";
  evidence.death.exit_code = status;
  return evidence;
}

Verdict of_class(const char* name) {
  Verdict verdict;
  verdict.verdict_class = name;
  return verdict;
}

constexpr bool kRoot = true, kChild = false;

TEST(Telling, CrashIsToldWhoeverDied) {
  EXPECT_EQ(telling_of(ended_by_signal(SIGSEGV), of_class("null-pointer"), kRoot), Telling::kTell);
  EXPECT_EQ(telling_of(ended_by_signal(SIGABRT), of_class("unknown"), kChild), Telling::kTell);
}

TEST(Telling, UsersOwnEndsAreSilent) {
  for (const int signal : {SIGINT, SIGQUIT, SIGHUP, SIGPIPE})
    EXPECT_EQ(telling_of(ended_by_signal(signal), of_class("killed"), kRoot), Telling::kSilent) << signal;
  EXPECT_EQ(telling_of(ended_by_signal(SIGTERM), of_class("killed"), kRoot), Telling::kTell);
}

TEST(Telling, EndingAProgramThatHangsIsAQuestion) {
  Verdict hangs = of_class("deadlock");
  hangs.confidence = Confidence::kLikely;
  EXPECT_EQ(telling_of(ended_by_signal(SIGQUIT), hangs, kRoot), Telling::kTell);
  EXPECT_EQ(telling_of(ended_by_signal(SIGQUIT), hangs, kChild), Telling::kSilent);
  hangs.confidence = Confidence::kPossible;
  EXPECT_EQ(telling_of(ended_by_signal(SIGQUIT), hangs, kRoot), Telling::kSilent) << "a mere lead";
}

TEST(Telling, KilledChildIsHeldUnlessMemoryRanOut) {
  EXPECT_EQ(telling_of(ended_by_signal(SIGKILL), of_class("killed"), kChild), Telling::kHold);
  EXPECT_EQ(telling_of(ended_by_signal(SIGKILL), of_class("out-of-memory"), kChild), Telling::kTell);
}

TEST(Telling, ExitThatExplainsItselfIsSilent) {
  EXPECT_EQ(telling_of(exited(0), of_class("ok"), kRoot), Telling::kSilent);
  EXPECT_EQ(telling_of(exited(1), of_class("python-exception"), kRoot), Telling::kSilent);
  EXPECT_EQ(telling_of(exited(3), of_class("unknown"), kRoot), Telling::kSilent);
}

TEST(Telling, AnExceptionUnderEagerIsWhatWasAskedFor) {
  Case evidence = exited(1);
  evidence.program.environment["SEGWHY_EAGER"] = "1";
  EXPECT_EQ(telling_of(evidence, of_class("python-exception"), kRoot), Telling::kTell);
  EXPECT_EQ(telling_of(evidence, of_class("ok"), kRoot), Telling::kSilent);
  EXPECT_EQ(telling_of(evidence, of_class("python-exception"), !kRoot), Telling::kSilent);
}

TEST(Telling, ExitWithANativeCauseIsTold) {
  EXPECT_EQ(telling_of(exited(1), of_class("thread-limit"), kRoot), Telling::kTell);
  EXPECT_EQ(telling_of(exited(1), of_class("thread-limit"), kChild), Telling::kSilent);
}

TEST(Telling, FailedAllocationIsToldWhenALimitMayBeWhy) {
  Case evidence = exited(1);
  EXPECT_EQ(telling_of(evidence, of_class("allocation-failed"), kRoot), Telling::kSilent) << "the traceback says it";
  evidence.machine.limits["as"].soft = 1 << 30;
  EXPECT_EQ(telling_of(evidence, of_class("allocation-failed"), kRoot), Telling::kTell);
}

Program program_with(std::vector<std::string> argv) {
  Program program;
  program.argv = std::move(argv);
  program.pid = 7;
  return program;
}

TEST(CaseFileName, NamesTheScript) {
  EXPECT_EQ(case_file_name(program_with({"/usr/bin/python3.11", "dir/train.py", "x.py"})), "segwhy-train-7.case");
  EXPECT_EQ(case_file_name(program_with({"python3", "-X", "dev", "-u", "a.py"})), "segwhy-a-7.case");
  EXPECT_EQ(case_file_name(program_with({"python3", "-m", "pkg.mod"})), "segwhy-pkg.mod-7.case");
  EXPECT_EQ(case_file_name(program_with({"python3", "-c", "import x"})), "segwhy-python3-7.case");
}

TEST(CaseFileName, IsAlwaysAPlainFileName) {
  EXPECT_EQ(case_file_name(program_with({})), "segwhy-program-7.case");
  EXPECT_EQ(case_file_name(program_with({"/bin/a b\n../c"})), "segwhy-c-7.case");
  EXPECT_EQ(case_file_name(program_with({"a b;$(c)"})), "segwhy-a_b___c_-7.case");
  EXPECT_LT(case_file_name(program_with({std::string(5000, 'x')})).size(), 100U);
}

}  // namespace
}  // namespace segwhy
