// Programs under the runtime in exact mode: they do and print what they do plainly, and what they do wrong is handed
// over and told in the flight recorder.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "runtime/exact/testing/area_reader.h"

namespace segwhy::runtime::testing {
namespace {

using ::testing::SizeIs;

class ExactSubject : public ::testing::Test {
 protected:
  // Runs `command` plain and in exact mode; output and end must be the same.
  Outcome run_both(const char* command) {
    Program program{{SEGWHY_EXACT_SUBJECT, command}, {}, {}};
    const Outcome plain = FakeMonitor::run_plain(program);
    Outcome outcome = monitor_.run(program);
    EXPECT_EQ(outcome.output, plain.output);
    EXPECT_EQ(outcome.error_output, plain.error_output);
    EXPECT_EQ(outcome.status, plain.status);
    return outcome;
  }

  std::unique_ptr<wire::AccessTable> table(std::size_t process = 0) {
    auto table = read_access_table(monitor_, *monitor_.processes().at(process));
    EXPECT_NE(table, nullptr);
    EXPECT_EQ(table->refusal, wire::kExactRunning);
    EXPECT_EQ(table->unsupported, 0u);
    EXPECT_GT(table->accesses, 0u);
    return table;
  }

  // The one wrong access of the program, which must have been handed over.
  wire::AccessFinding only_finding(const Outcome& outcome, std::size_t process = 0) {
    const auto own = table(process);
    EXPECT_EQ(own->finding_count, 1u);
    const wire::AccessFinding& finding = own->findings[0];
    EXPECT_EQ(finding.complete, 1u);
    EXPECT_THAT(outcome.crashes, SizeIs(1));
    if (outcome.crashes.size() != 1) return finding;
    const Crash& crash = outcome.crashes[0];
    EXPECT_EQ(crash.signal, SIGSEGV);
    EXPECT_TRUE(crash.handled);
    EXPECT_FALSE(crash.in_runtime);
    EXPECT_EQ(crash.registers.rip, finding.access.pc);
    EXPECT_EQ(crash.address, finding.block.address + static_cast<std::uint64_t>(finding.access.offset));
    EXPECT_EQ(finding.crash, crash.slot + 1);
    EXPECT_NE(finding.access.stack, 0u);
    EXPECT_NE(finding.block.allocation_stack, 0u);
    return finding;
  }

  FakeMonitor monitor_{FakeMonitor::Slots::kKeep, wire::kProtectExact};
};

TEST_F(ExactSubject, AGoodProgramIsNotDisturbed) {
  for (const char* const command :
       {"behave", "share", "read-pipe", "send-vectors", "execute-itself", "use-as-stacks"}) {
    const Outcome outcome = run_both(command);
    EXPECT_THAT(outcome.crashes, SizeIs(0)) << command;
    EXPECT_EQ(table(monitor_.processes().size() - 1)->finding_count, 0u) << command;
  }
}

TEST_F(ExactSubject, ThreadsThatShareBlocksAndForkAreNotDisturbed) {
  // The last: what other threads write while a thread forks may be missing in the child (docs/exact-mode.md).
  const Program stress = subject({"stress", "8", "500", "0", "32", "60", "0"});
  const Outcome plain = FakeMonitor::run_plain(stress);
  const Outcome outcome = monitor_.run(stress);
  EXPECT_EQ(outcome.output, plain.output);
  EXPECT_EQ(outcome.error_output, plain.error_output);
  EXPECT_EQ(outcome.status, plain.status);
  EXPECT_THAT(outcome.crashes, SizeIs(0));
  EXPECT_EQ(table()->finding_count, 0u);
}

TEST_F(ExactSubject, AProgramWithoutTheRuntimeRunsUnderAnInheritedFilter) {
  EXPECT_EQ(run_both("execute-another").exit_code(), 0);
}

TEST_F(ExactSubject, AProgramKeepsItsOwnSystemCallFilter) {
  EXPECT_EQ(run_both("trap-own-calls").output, "4242\n64\n");
}

TEST_F(ExactSubject, AWriteIntoTheSlackIsToldAndTheProgramGoesOn) {
  const Outcome outcome = run_both("write-behind");
  EXPECT_EQ(outcome.exit_code(), 3);
  const wire::AccessFinding finding = only_finding(outcome);
  EXPECT_EQ(finding.access.offset, 20);
  EXPECT_EQ(finding.access.width, 1u);
  EXPECT_EQ(finding.access.flags, wire::kAccessWrite | wire::kAccessOutOfBounds);
  EXPECT_EQ(finding.block.size, 20u);
}

TEST_F(ExactSubject, AReadBeforeTheBlockIsTold) {
  const wire::AccessFinding finding = only_finding(run_both("read-before"));
  EXPECT_EQ(finding.access.offset, -8);
  EXPECT_EQ(finding.access.flags, wire::kAccessRead | wire::kAccessOutOfBounds);
}

TEST_F(ExactSubject, ACppObjectIsWatchedOnceThereAreTensors) {
  const wire::AccessFinding finding = only_finding(run_both("read-behind-object"));
  EXPECT_EQ(finding.access.offset, 20);
  EXPECT_EQ(finding.access.flags, wire::kAccessRead | wire::kAccessOutOfBounds);
  EXPECT_EQ(finding.block.kind, wire::kBlockSmall);
}

TEST_F(ExactSubject, AReadAfterFreeIsToldWithBothStacks) {
  const wire::AccessFinding finding = only_finding(run_both("read-after-free"));
  EXPECT_EQ(finding.access.offset, 3);
  EXPECT_EQ(finding.access.flags, wire::kAccessRead | wire::kAccessAfterFree);
  EXPECT_NE(finding.block.free_stack, 0u);
  EXPECT_NE(finding.block.free_stack, finding.block.allocation_stack);
}

TEST_F(ExactSubject, TheHandOverIsMarkedAsOneThatTheProgramSurvives) {
  const Program program{{SEGWHY_EXACT_SUBJECT, "write-behind"}, {}, {}};
  std::uint32_t marked = 0;
  const Outcome outcome = monitor_.run(program, [&](wire::CrashRecord& record) { marked = record.access_finding; });
  EXPECT_EQ(outcome.exit_code(), 3);
  EXPECT_EQ(marked, 1u);
}

TEST_F(ExactSubject, ADoubleFreeEndsTheProgram) {
  const Outcome outcome = monitor_.run({{SEGWHY_EXACT_SUBJECT, "free-twice"}, {}, {}});
  EXPECT_EQ(outcome.signal(), SIGABRT);
}

TEST_F(ExactSubject, AForkedChildIsWatchedInMemoryOfItsOwn) {
  const Outcome outcome = run_both("fork-and-overflow");
  EXPECT_EQ(outcome.output, "5 1\n");
  EXPECT_EQ(table(0)->finding_count, 0u);
  const wire::AccessFinding finding = only_finding(outcome, 1);
  EXPECT_EQ(finding.access.offset, 30);
  EXPECT_NE(finding.block.flags & wire::kBlockFromParent, 0);
}

TEST_F(ExactSubject, AProgramThatCatchesItsOwnFaultsStillDoes) {
  const Outcome outcome = run_both("catch-own-fault");
  EXPECT_EQ(outcome.output, "recovered 1\n");
  EXPECT_EQ(table()->finding_count, 0u);
}

}  // namespace
}  // namespace segwhy::runtime::testing
