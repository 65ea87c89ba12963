// Programs with handlers of their own: they run as they would without the runtime.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "runtime/testing/fake_monitor.h"

namespace segwhy::runtime::testing {
namespace {

using ::testing::SizeIs;

struct Case {
  std::vector<std::string> arguments;
  std::size_t crashes;  // hand-overs, of which the last is fatal when the program dies
};

void PrintTo(const Case& test, std::ostream* out) {
  for (const std::string& argument : test.arguments) *out << argument << ' ';
}

class SameAsPlain : public ::testing::TestWithParam<Case> {};

TEST_P(SameAsPlain, InOutputAndEnd) {
  const Program program = subject(GetParam().arguments);
  const Outcome plain = FakeMonitor::run_plain(program);
  FakeMonitor monitor;
  const Outcome outcome = monitor.run(program);
  EXPECT_EQ(outcome.output, plain.output);
  EXPECT_EQ(outcome.status, plain.status);
  EXPECT_THAT(outcome.crashes, SizeIs(GetParam().crashes));
  for (const Crash& crash : outcome.crashes) EXPECT_FALSE(crash.in_runtime);
}

std::string flags(unsigned value) {
  return std::to_string(static_cast<int>(value));
}

// inspect: flags, alternate stack of the program's own, signal raised instead of a fault.
INSTANTIATE_TEST_SUITE_P(
    Inspect, SameAsPlain,
    ::testing::Values(Case{{"inspect", "0", "0"}, 1}, Case{{"inspect", "0", "1"}, 1},
                      Case{{"inspect", flags(SA_ONSTACK), "0"}, 1}, Case{{"inspect", flags(SA_ONSTACK), "1"}, 1},
                      Case{{"inspect", flags(SA_NODEFER), "0"}, 1},
                      Case{{"inspect", flags(SA_NODEFER | SA_ONSTACK), "1"}, 1},
                      Case{{"inspect", flags(static_cast<unsigned>(SA_RESETHAND)), "0"}, 1},
                      Case{{"inspect", flags(static_cast<unsigned>(SA_RESETHAND) | SA_ONSTACK), "1"}, 1},
                      Case{{"inspect", "0", "0", flags(SIGABRT)}, 1}, Case{{"inspect", "0", "1", flags(SIGFPE)}, 1},
                      Case{{"inspect", flags(SA_ONSTACK), "1", flags(SIGTRAP)}, 1},
                      Case{{"inspect", flags(SA_ONSTACK), "1", flags(SIGTERM), flags(SIGHUP)}, 0},
                      Case{{"inspect", "0", "0", flags(SIGUSR1), flags(SIGHUP)}, 0}));

INSTANTIATE_TEST_SUITE_P(Handlers, SameAsPlain,
                         ::testing::Values(Case{{"handle-simply"}, 1}, Case{{"report", "0"}, 2},
                                           Case{{"report", "1"}, 2}, Case{{"fault-in-own-handler", "0"}, 2},
                                           Case{{"fault-while-blocked"}, 1}, Case{{"recover-without-mask"}, 2},
                                           Case{{"recover", "1000"}, 3}, Case{{"recover", "1000", "1"}, 3},
                                           Case{{"skip", "1000"}, 3}, Case{{"skip", "1000", "1"}, 3},
                                           Case{{"send-while-blocked"}, 1}, Case{{"overflow-without-alternate"}, 1}));

INSTANTIATE_TEST_SUITE_P(View, SameAsPlain,
                         ::testing::Values(Case{{"view-actions"}, 0}, Case{{"view-old-calls"}, 0},
                                           Case{{"view-masks"}, 0}, Case{{"view-altstacks"}, 1},
                                           Case{{"view-initial"}, 0}));

TEST(View, InheritedIgnoredSignalsAndMaskAreSeen) {
  Program program = subject({"view-initial"});
  program.in_child = [] {
    for (const int number : {SIGSEGV, SIGHUP, SIGTERM, SIGUSR1, SIGABRT}) signal(number, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGSEGV, SIGTERM, SIGUSR2, 57, 60}) sigaddset(&set, number);
    sigprocmask(SIG_SETMASK, &set, nullptr);
  };
  FakeMonitor monitor;
  EXPECT_EQ(monitor.run(program).output, FakeMonitor::run_plain(program).output);
}

TEST(Handlers, IgnoredSignalsStayIgnored) {
  Program program = subject({"raise", std::to_string(SIGABRT)});
  program.in_child = [] { signal(SIGABRT, SIG_IGN); };
  FakeMonitor monitor;
  const Outcome outcome = monitor.run(program);
  EXPECT_EQ(outcome.output, "survived\n");
  EXPECT_THAT(outcome.crashes, SizeIs(0));
}

TEST(Handlers, FirstHandOverIsMarkedHandledAndTheSecondFollows) {
  for (const char* const raises : {"0", "1"}) {
    FakeMonitor monitor(FakeMonitor::Slots::kKeep);
    const Outcome outcome = monitor.run(subject({"report", raises}));
    ASSERT_THAT(outcome.crashes, SizeIs(2));
    EXPECT_TRUE(outcome.crashes[0].handled);
    EXPECT_EQ(outcome.crashes[0].follows, 0u);
    EXPECT_FALSE(outcome.crashes[1].handled);
    EXPECT_EQ(outcome.crashes[1].follows, outcome.crashes[0].slot + 1);
  }
}

TEST(Handlers, AFaultAfterARecoveredOneDoesNotFollowFromIt) {
  FakeMonitor monitor(FakeMonitor::Slots::kKeep);
  const Outcome outcome = monitor.run(subject({"recover", "3"}));
  ASSERT_THAT(outcome.crashes, SizeIs(3));
  for (const Crash& crash : outcome.crashes) EXPECT_EQ(crash.follows, 0u);
}

TEST(Handlers, CapturesOfHandledSignalsAreLimited) {
  FakeMonitor monitor;
  monitor.session().handled_capture_limit = 0;
  const Outcome outcome = monitor.run(subject({"recover", "10"}));
  EXPECT_EQ(outcome.output, "recovered 10\n");
  EXPECT_THAT(outcome.crashes, SizeIs(0));
}

TEST(Handlers, RecoveringManyTimesLosesNothing) {
  for (const char* const filled : {"0", "1"}) {
    FakeMonitor monitor;
    const Outcome outcome = monitor.run(subject({"recover", "100000", filled}));
    EXPECT_EQ(outcome.output, "recovered 100000\n");
    EXPECT_EQ(monitor.session().lost_crashes, 0u);
    RecordProperty("ns_per_fault", outcome.error_output);
  }
}

}  // namespace
}  // namespace segwhy::runtime::testing
