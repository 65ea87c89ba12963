// What is written to stderr is written unchanged, and kept.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/testing/fake_monitor.h"

namespace segwhy::runtime::testing {
namespace {

using ::testing::EndsWith;
using ::testing::SizeIs;

TEST(Stderr, EveryCallWritesTheSameBytesWithTheSameResult) {
  const Program program = subject({"stderr"});
  const Outcome plain = FakeMonitor::run_plain(program);
  FakeMonitor monitor;
  const Outcome outcome = monitor.run(program);
  EXPECT_EQ(outcome.error_output, plain.error_output);
  EXPECT_EQ(outcome.output, plain.output);  // results and errno
  ASSERT_THAT(monitor.processes(), SizeIs(1));
  EXPECT_EQ(monitor.ring_text(*monitor.processes()[0]), plain.error_output);
}

TEST(Stderr, RingKeepsTheLastBytes) {
  FakeMonitor monitor;
  const Outcome outcome = monitor.run(subject({"stderr-much"}));
  ASSERT_THAT(monitor.processes(), SizeIs(1));
  const std::string kept = monitor.ring_text(*monitor.processes()[0]);
  EXPECT_EQ(kept.size(), wire::kRingBytes);
  EXPECT_THAT(outcome.error_output, EndsWith(kept));
}

TEST(Stderr, ClosedStaysClosed) {
  const Program program = subject({"stderr-closed"});
  const Outcome plain = FakeMonitor::run_plain(program);
  FakeMonitor monitor;
  const Outcome outcome = monitor.run(program);
  EXPECT_EQ(outcome.output, plain.output);
  EXPECT_EQ(outcome.error_output, "");
}

TEST(Preload, AnotherLibraryBesidesTheRuntimeKeepsWorking) {
  Program writes = subject({"stderr"});
  writes.environment["LD_PRELOAD"] = SEGWHY_PRELOADED_AFTER;
  ASSERT_THAT(FakeMonitor::run_plain(writes).error_output, ::testing::HasSubstr("[user's]"));
  for (const char* const command : {"stderr", "view-old-calls", "view-actions"}) {
    Program program = subject({command});
    program.environment["LD_PRELOAD"] = SEGWHY_PRELOADED_AFTER;
    const Outcome plain = FakeMonitor::run_plain(program);
    for (const std::string& order :
         {library_path() + ":" SEGWHY_PRELOADED_AFTER, SEGWHY_PRELOADED_AFTER ":" + library_path()}) {
      program.environment["LD_PRELOAD"] = order;
      FakeMonitor monitor;
      const Outcome outcome = monitor.run(program);
      EXPECT_EQ(outcome.output, plain.output);
      EXPECT_EQ(outcome.error_output, plain.error_output);
      EXPECT_EQ(outcome.status, plain.status);
    }
  }
}

TEST(Stderr, BadPointersFailAsPlain) {
  const Program program = subject({"stderr-bad-pointer"});
  FakeMonitor monitor;
  const Outcome outcome = monitor.run(program);
  EXPECT_EQ(outcome.output, FakeMonitor::run_plain(program).output);
  EXPECT_THAT(outcome.crashes, SizeIs(0));
}

}  // namespace
}  // namespace segwhy::runtime::testing
