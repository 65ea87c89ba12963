// deadlock and fork-after-threads from a wait graph: who waits for whom is given, the rules have to say what it means.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "diagnose/testing/case_builder.h"

namespace segwhy {
namespace {

using testing::Contains;
using testing::HasSubstr;
using namespace testing_support;

constexpr int kChild = 4800;

StuckThread stuck(int pid, int tid, std::string kind, std::vector<ThreadRef> wakers,
                  std::optional<std::uint32_t> knot) {
  StuckThread s;
  s.pid = pid;
  s.tid = tid;
  s.kind = std::move(kind);
  s.wakers = std::move(wakers);
  s.knot = knot;
  s.named = s.kind == "mutex" || s.kind == "child" || s.kind == "gil" || s.kind == "join";
  return s;
}

Thread blocked(int tid, bool is_main, std::vector<PythonFrame> frames) {
  Thread thread;
  thread.tid = tid;
  thread.is_main = is_main;
  thread.python = std::move(frames);
  thread.native = {libc("__futex_abstimed_wait_common")};
  return thread;
}

// A program ended by SIGTERM whose main thread has these frames.
CaseBuilder ended(std::vector<PythonFrame> frames) {
  CaseBuilder b;
  b.signal(SIGTERM, 0).sender(1, "timeout");
  b.raw().threads = {blocked(kPid, true, std::move(frames))};
  return b;
}

OtherProcess child(std::vector<Thread> threads, std::uint32_t parent_threads) {
  OtherProcess process;
  process.pid = kChild;
  process.fork = {"fork", kPid, parent_threads, true, {}};
  process.threads = std::move(threads);
  return process;
}

const std::vector<PythonFrame> kForkedJob = {
    python("main.py", 6, "job"), python("/usr/lib/python3.11/multiprocessing/pool.py", 125, "worker", "stdlib"),
    python("/usr/lib/python3.11/multiprocessing/popen_fork.py", 71, "Popen._launch", "stdlib"),
    python("/usr/lib/python3.11/multiprocessing/context.py", 119, "Pool", "stdlib"), python("main.py", 7, "<module>")};

// The parent waits for its child, the child's main thread for its feeder, the feeder for the parent to read.
CaseBuilder queue_joined_before_it_is_read() {
  auto b = ended({python("/usr/lib/python3.12/multiprocessing/process.py", 149, "BaseProcess.join", "stdlib"),
                  python("main.py", 8, "<module>")});
  b.raw().processes = {
      child({blocked(kChild, true, {python("/usr/lib/python3.12/threading.py", 1147, "Thread.join", "stdlib")}),
             blocked(kChild + 1, false,
                     {python("/usr/lib/python3.12/multiprocessing/queues.py", 265, "Queue._feed", "stdlib")})},
            0)};
  b.raw().stuck = {stuck(kPid, kPid, "child", {{kChild, 0}}, 0), stuck(kChild, kChild, "lock", {{kChild, 0}}, 0),
                   stuck(kChild, kChild + 1, "write", {{kPid, 0}, {kChild, 0}}, 0)};
  b.raw().stuck.front().object = "process 4800";
  return b;
}

TEST(Deadlock, AcrossProcessesIsProvenByEachWait) {
  const Verdict v = queue_joined_before_it_is_read().verdict();
  EXPECT_EQ(v.verdict_class, "deadlock");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  ASSERT_TRUE(v.where);
  EXPECT_EQ(v.where->line, 8);
  EXPECT_THAT(v.summary, HasSubstr("3 threads of 2 processes"));
  EXPECT_THAT(v.evidence, Contains(HasSubstr("waits at main.py:8 for process 4800 to end")));
  EXPECT_THAT(v.advice, Contains(HasSubstr("first read all that process 4800 writes")));
}

TEST(Deadlock, NeedsTheMainThreadOfTheProgramToBeStuck) {
  auto b = queue_joined_before_it_is_read();
  b.raw().stuck.erase(b.raw().stuck.begin());
  EXPECT_EQ(b.verdict().verdict_class, "killed");
}

TEST(Deadlock, OfTwoLocksIsLikelyAndOfMutexesCertain) {
  auto b = ended({python("main.py", 12, "first")});
  b.raw().threads.push_back(blocked(kWorkerTid, false, {python("main.py", 20, "second")}));
  b.raw().threads.push_back(blocked(kWorkerTid + 1, false, {}));
  b.raw().stuck = {stuck(kPid, kPid, "lock", {{kPid, 0}}, 0), stuck(kPid, kWorkerTid, "lock", {{kPid, 0}}, 0),
                   stuck(kPid, kWorkerTid + 1, "lock", {{kPid, 0}}, 0)};
  EXPECT_EQ(b.verdict().verdict_class, "deadlock");
  EXPECT_EQ(b.verdict().confidence, Confidence::kLikely);
  b.raw().stuck = {stuck(kPid, kPid, "mutex", {{kPid, kWorkerTid}}, 0),
                   stuck(kPid, kWorkerTid, "mutex", {{kPid, kPid}}, 0)};
  EXPECT_EQ(b.verdict().confidence, Confidence::kCertain);
  EXPECT_THAT(b.verdict().advice, Contains(HasSubstr("main.py:12, main.py:20")));
}

TEST(Deadlock, WaitingForAnEventUntilTheEndIsNone) {
  auto b = ended(
      {python("/usr/lib/python3.11/threading.py", 320, "Condition.wait", "stdlib"), python("main.py", 12, "<module>")});
  b.raw().threads.push_back(blocked(kWorkerTid, false, {}));
  b.raw().stuck = {stuck(kPid, kPid, "lock", {{kPid, 0}}, 0), stuck(kPid, kWorkerTid, "lock", {{kPid, 0}}, 0)};
  EXPECT_EQ(b.verdict().verdict_class, "killed");
  // Two of the user's own threads that wait for each other's events are no idleness.
  b.raw().threads[1].python = {python("/usr/lib/python3.11/threading.py", 320, "Condition.wait", "stdlib"),
                               python("main.py", 30, "task")};
  EXPECT_EQ(b.verdict().verdict_class, "deadlock");
}

CaseBuilder hung_pool(std::uint32_t parent_threads) {
  auto b = ended({python("main.py", 8, "<module>")});
  b.raw().processes = {child({blocked(kChild, true, kForkedJob)}, parent_threads)};
  b.raw().stuck = {stuck(kChild, kChild, "lock", {{kChild, 0}}, 0), stuck(kPid, kPid, "read", {{kChild, 0}}, {})};
  return b;
}

TEST(ForkAfterThreads, AChildThatWaitsAloneNamesTheLineThatForked) {
  const Verdict v = hung_pool(2).verdict();
  EXPECT_EQ(v.verdict_class, "fork-after-threads");
  EXPECT_EQ(v.confidence, Confidence::kLikely);
  ASSERT_TRUE(v.where);
  EXPECT_EQ(v.where->line, 7);
  EXPECT_THAT(v.evidence, Contains(HasSubstr("main thread of process 4800 waits at main.py:6")));
  EXPECT_THAT(v.evidence, Contains(HasSubstr("process 4711, which then had 2 other native threads")));
}

TEST(ForkAfterThreads, WithoutThreadsInTheParentItIsADeadlock) {
  const Verdict v = hung_pool(0).verdict();
  EXPECT_EQ(v.verdict_class, "deadlock");
  EXPECT_EQ(v.where->line, 6);
}

TEST(ForkAfterThreads, AChildThatLocksItselfOutWithThreadsOfItsOwnIsADeadlock) {
  auto b = hung_pool(2);
  b.raw().processes.front().threads.push_back(blocked(kChild + 1, false, {python("main.py", 20, "helper")}));
  b.raw().stuck.push_back(stuck(kChild, kChild + 1, "lock", {{kChild, 0}}, 0));
  EXPECT_EQ(b.verdict().verdict_class, "deadlock");
  // Unless it is in a library whose threads stayed with the parent.
  b.raw().processes.front().threads.front().native.push_back(native("wait_for_pool", "/env/pool.so"));
  b.raw().processes.front().fork.parent_pools = {{"/env/pool.so", "worker", 2}};
  EXPECT_EQ(b.verdict().verdict_class, "fork-after-threads");
}

TEST(ForkAfterThreads, AMutexWhoseHolderStayedWithTheParent) {
  auto b = hung_pool(2);
  b.raw().processes.front().threads.push_back(blocked(kChild + 1, false, {}));
  b.raw().stuck.front() = stuck(kChild, kChild, "mutex", {}, 0);
  b.raw().stuck.front().absent_holder = 4712;
  EXPECT_EQ(b.verdict().verdict_class, "fork-after-threads");
  EXPECT_THAT(b.verdict().evidence, Contains(HasSubstr("held by thread 4712, which is not in it")));
}

// A crash in a child, in a library of which the parent ran threads, or another one.
Verdict crash_in(const std::string& library) {
  CaseBuilder b;
  b.signal(SIGSEGV).fault(0, "read").instruction("mov", "move", {.base = "rax"});
  b.crashed({native("use_pool", library)});
  b.raw().program.fork = {"fork", 100, 2, true, {{"/env/pool.so", "worker", 2}, {"/lib/libstdc++.so.6", "run", 1}}};
  return b.verdict();
}

TEST(ForkAfterThreads, ACrashInTheLibraryWhoseThreadsStayedBehind) {
  const Verdict v = crash_in("/env/pool.so");
  EXPECT_EQ(v.verdict_class, "fork-after-threads");
  EXPECT_EQ(v.confidence, Confidence::kLikely);
  EXPECT_THAT(v.factors, Contains("null-pointer"));
  EXPECT_THAT(v.evidence, Contains(HasSubstr("2 threads of pool.so (worker)")));
}

TEST(ForkAfterThreads, ACrashElsewhereIsItsOwn) {
  EXPECT_EQ(crash_in("/env/other.so").verdict_class, "null-pointer");
  EXPECT_EQ(crash_in("/lib/libstdc++.so.6").verdict_class, "null-pointer") << "everybody's library";
}

}  // namespace
}  // namespace segwhy
