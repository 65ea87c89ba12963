// Families of processes in one session: records, children, threads and killers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <numeric>

#include "runtime/testing/fake_monitor.h"

namespace segwhy::runtime::testing {
namespace {

using ::testing::SizeIs;
using wire::ProcessRecord;

const ProcessRecord* find(const FakeMonitor& monitor, wire::ProcessOrigin origin) {
  for (const ProcessRecord* const record : monitor.processes()) {
    if (record->origin == origin) return record;
  }
  return nullptr;
}

// Runs it plain and in `monitor`, and expects the same output and end.
Outcome run_both(FakeMonitor& monitor, const std::vector<std::string>& arguments) {
  const Program program = subject(arguments);
  const Outcome plain = FakeMonitor::run_plain(program);
  Outcome outcome = monitor.run(program);
  EXPECT_EQ(outcome.output, plain.output);
  EXPECT_EQ(outcome.status, plain.status);
  return outcome;
}

TEST(Process, RootClaimsARecordAndClosesTheDescriptor) {
  FakeMonitor monitor;
  const Outcome outcome = run_both(monitor, {"session-fd"});
  EXPECT_THAT(outcome.output, ::testing::StartsWith("unset\n"));
  ASSERT_THAT(monitor.processes(), SizeIs(1));
  const ProcessRecord& record = *monitor.processes()[0];
  EXPECT_EQ(record.origin, wire::kOriginRoot);
  EXPECT_EQ(record.generation, 1u);
  EXPECT_EQ(record.parent_pid, static_cast<std::uint32_t>(getpid()));
  EXPECT_EQ(record.runtime_flags, wire::kRuntimeHandlersInstalled);
  EXPECT_NE(record.start_ns, 0u);
}

TEST(Process, WithoutAFreeRecordIsCountedAndCrashesAreStillHandedOver) {
  FakeMonitor monitor;
  for (ProcessRecord& record : monitor.session().processes) record.state = wire::kProcessClaimed;
  const Outcome outcome = run_both(monitor, {"abort"});
  EXPECT_EQ(monitor.session().lost_processes, 1u);
  EXPECT_THAT(outcome.crashes, SizeIs(1));
}

class ForkedCrash : public ::testing::TestWithParam<const char*> {};

TEST_P(ForkedCrash, IsHandedOverUnderTheChildsPid) {
  FakeMonitor monitor;
  const Outcome outcome = run_both(monitor, {GetParam()});
  ASSERT_FALSE(outcome.crashes.empty());
  EXPECT_EQ(outcome.crashes[0].signal, SIGSEGV);
  const ProcessRecord* const child = find(monitor, wire::kOriginFork);
  const ProcessRecord* const parent = find(monitor, wire::kOriginRoot);
  ASSERT_TRUE(child != nullptr && parent != nullptr);
  EXPECT_EQ(outcome.crashes[0].pid, child->pid);
  EXPECT_EQ(child->parent_pid, parent->pid);
  EXPECT_NE(child->pid, parent->pid);
  ASSERT_EQ(parent->next_child, 1u);
  EXPECT_EQ(parent->children[0].pid, child->pid);
  EXPECT_EQ(WTERMSIG(parent->children[0].status), SIGSEGV);
}

INSTANTIATE_TEST_SUITE_P(Process, ForkedCrash,
                         ::testing::Values("crash-in-fork", "crash-in-raw-fork", "crash-in-vfork"));

TEST(Process, ParentOfACrashedVforkChildIsUnharmed) {
  FakeMonitor monitor;
  const Outcome outcome = run_both(monitor, {"crash-in-vfork"});
  ASSERT_THAT(outcome.crashes, SizeIs(2));
  EXPECT_NE(outcome.crashes[0].pid, outcome.crashes[1].pid);
  EXPECT_EQ(outcome.crashes[1].follows, 0u);
  EXPECT_FALSE(outcome.crashes[1].in_runtime);
}

TEST(Process, VforkChildDoesNotChangeItsParentsView) {
  FakeMonitor monitor;
  run_both(monitor, {"change-in-vfork"});
}

TEST(Process, ExecRenewsTheRecord) {
  FakeMonitor monitor;
  const Outcome outcome = run_both(monitor, {"exec", "abort"});
  EXPECT_THAT(outcome.crashes, SizeIs(1));
  ASSERT_THAT(monitor.processes(), SizeIs(1));
  EXPECT_EQ(monitor.processes()[0]->origin, wire::kOriginExec);
  EXPECT_EQ(monitor.processes()[0]->generation, 2u);
}

TEST(Process, SpawnedProgramJoinsByItself) {
  FakeMonitor monitor;
  const Outcome outcome = run_both(monitor, {"spawn", "abort"});
  ASSERT_THAT(outcome.crashes, SizeIs(1));
  const ProcessRecord* const child = find(monitor, wire::kOriginExec);
  ASSERT_NE(child, nullptr);
  EXPECT_EQ(child->pid, outcome.crashes[0].pid);
}

TEST(Process, ActionsAndMasksThroughExecAreAsPlain) {
  FakeMonitor monitor;
  run_both(monitor, {"exec", "view-initial"});
  run_both(monitor, {"spawn", "view-initial"});
}

std::uint32_t live(const wire::ThreadStart (&starts)[wire::kMaxThreadStarts]) {
  return std::accumulate(std::begin(starts), std::end(starts), 0U,
                         [](std::uint32_t sum, const wire::ThreadStart& start) { return sum + start.live; });
}

TEST(Threads, AreCountedWhileTheyLive) {
  FakeMonitor monitor;
  run_both(monitor, {"make-threads", "5", "200"});
  const ProcessRecord* const child = find(monitor, wire::kOriginFork);
  const ProcessRecord* const parent = find(monitor, wire::kOriginRoot);
  ASSERT_TRUE(child != nullptr && parent != nullptr);
  EXPECT_EQ(parent->live_threads, 5u);
  EXPECT_EQ(child->threads_at_fork, 5u);
  EXPECT_EQ(child->live_threads, 0u);
  EXPECT_EQ(live(parent->starts), 5u) << "the two hundred that have ended are not counted";
  EXPECT_EQ(live(child->parent_starts), 5u) << "what the child has lost";
  EXPECT_EQ(live(child->starts), 0u);
}

TEST(Threads, FailureToMakeOneIsNoted) {
  FakeMonitor monitor;
  run_both(monitor, {"fail-thread"});
  ASSERT_THAT(monitor.processes(), SizeIs(1));
  EXPECT_EQ(monitor.processes()[0]->thread_create_errno, static_cast<std::uint32_t>(EAGAIN));
  EXPECT_EQ(monitor.processes()[0]->thread_create_count, 0u);
}

TEST(Threads, StartWithoutMemoryForAnAlternateStack) {
  FakeMonitor monitor;
  const Outcome outcome = run_both(monitor, {"thread-without-memory"});
  EXPECT_EQ(outcome.output, "0\n");
}

class Killed : public ::testing::TestWithParam<int> {};

TEST_P(Killed, FromOutsideIsHandedOverWithItsSender) {
  FakeMonitor monitor;
  const Outcome outcome = monitor.run(subject({"killed-by-stranger", std::to_string(GetParam())}));
  EXPECT_EQ(outcome.signal(), GetParam());
  ASSERT_THAT(outcome.crashes, SizeIs(1));
  EXPECT_EQ(outcome.crashes[0].signal, GetParam());
  ASSERT_THAT(monitor.processes(), SizeIs(1));
  const ProcessRecord& record = *monitor.processes()[0];
  EXPECT_EQ(record.kill_signal, static_cast<std::uint32_t>(GetParam()));
  EXPECT_EQ(record.kill_sender_pid, std::stoul(outcome.output));
  EXPECT_EQ(record.kill_sender_uid, getuid());
  EXPECT_EQ(record.kill_code, SI_USER);
}

INSTANTIATE_TEST_SUITE_P(Process, Killed,
                         ::testing::Values(SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGXCPU, SIGUSR1, SIGUSR2, SIGPROF,
                                           SIGVTALRM));

TEST(Killed, ByItsParentIsNotedOnly) {
  FakeMonitor monitor;
  const Outcome outcome = run_both(monitor, {"killed-by-parent", std::to_string(SIGTERM)});
  EXPECT_THAT(outcome.crashes, SizeIs(0));
  const ProcessRecord* const child = find(monitor, wire::kOriginFork);
  ASSERT_NE(child, nullptr);
  EXPECT_EQ(child->kill_signal, static_cast<std::uint32_t>(SIGTERM));
  EXPECT_EQ(child->kill_sender_pid, child->parent_pid);
}

TEST(Killed, ByItsOwnAlarmIsHandedOver) {
  FakeMonitor monitor;
  const Outcome outcome = run_both(monitor, {"killed-by-alarm"});
  EXPECT_THAT(outcome.crashes, SizeIs(1));
  EXPECT_EQ(monitor.processes().at(0)->kill_code, SI_KERNEL);
}

TEST(Wait, EveryCallNotesTheChildsEnd) {
  FakeMonitor monitor;
  run_both(monitor, {"wait-all-ways"});
  const ProcessRecord* const parent = find(monitor, wire::kOriginRoot);
  ASSERT_NE(parent, nullptr);
  ASSERT_EQ(parent->next_child, 5u);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(WEXITSTATUS(parent->children[i].status), 11 + i);
  EXPECT_EQ(WTERMSIG(parent->children[4].status), SIGKILL);
}

}  // namespace
}  // namespace segwhy::runtime::testing
