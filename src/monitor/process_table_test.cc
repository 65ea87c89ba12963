#include "monitor/process_table.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "base/clock.h"
#include "monitor/area_file.h"
#include "monitor/membership.h"
#include "monitor/pidfd.h"

namespace segwhy {
namespace {

// A child that waits to be told how to end.
class Child {
 public:
  Child() : pid_(::fork()) {
    if (pid_ == 0)
      for (;;) ::pause();
  }
  ~Child() { end(SIGKILL); }
  [[nodiscard]] pid_t pid() const { return pid_; }
  void end(int signal) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  // Ends it and leaves the zombie.
  void end_unreaped(int signal) const {
    ::kill(pid_, signal);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }

 private:
  pid_t pid_;
};

class ProcessTableTest : public ::testing::Test {
 protected:
  ProcessTableTest() : session_(std::move(*Session::create())), table_(session_) {}

  wire::ProcessRecord& live_record(std::uint32_t slot, pid_t pid) {
    wire::ProcessRecord& record = session_.memory().processes[slot];
    record.pid = static_cast<std::uint32_t>(pid);
    record.start_ns = monotonic_ns();
    record.origin = wire::kOriginFork;
    record.generation += 1;
    store_word(record.state, wire::kProcessLive);
    return record;
  }
  std::uint32_t state(std::uint32_t slot) { return load_word(session_.memory().processes[slot].state); }

  Session session_;
  ProcessTable table_;
};

class RecordedProcessTest : public ::testing::Test {
 protected:
  RecordedProcessTest() : session_(std::move(*Session::create({wire::kProtectTensors, 50}))), table_(session_) {}

  void live_record(std::uint32_t slot, pid_t pid, std::uint32_t parent) {
    wire::AreaHeader area{};
    area.magic = wire::kAreaMagic;
    area.version = wire::kRecorderVersion;
    area.parent.record = parent;
    const auto written = ::pwrite(session_.fd(), &area, sizeof area, static_cast<off_t>(wire::area_offset(slot)));
    ASSERT_EQ(written, static_cast<ssize_t>(sizeof area));
    wire::ProcessRecord& record = session_.memory().processes[slot];
    record.pid = static_cast<std::uint32_t>(pid);
    record.start_ns = monotonic_ns();
    record.origin = wire::kOriginFork;
    record.generation += 1;
    store_word(record.state, wire::kProcessLive);
  }
  std::uint32_t state(std::uint32_t slot) { return load_word(session_.memory().processes[slot].state); }

  Session session_;
  ProcessTable table_;
};

TEST_F(RecordedProcessTest, KeepsAnAreaWhileADescendantLives) {
  Child parent;
  Child middle;
  Child last;
  live_record(1, parent.pid(), 0);
  live_record(2, middle.pid(), 2);
  live_record(3, last.pid(), 3);
  EXPECT_TRUE(table_.update(1).empty());
  parent.end(SIGKILL);
  middle.end(SIGKILL);
  EXPECT_EQ(table_.update(2).size(), 2u);
  EXPECT_TRUE(table_.update(3).empty());
  EXPECT_EQ(state(1), wire::kProcessKept);
  EXPECT_EQ(state(2), wire::kProcessKept);
  EXPECT_TRUE(read_area_header(session_, 1));
  last.end(SIGKILL);
  EXPECT_EQ(table_.update(4).size(), 1u);
  EXPECT_EQ(state(3), wire::kProcessKept) << "read until the next look";
  EXPECT_TRUE(table_.update(5).empty());
  for (const std::uint32_t slot : {1u, 2u, 3u}) {
    EXPECT_EQ(state(slot), wire::kProcessFree);
    EXPECT_FALSE(read_area_header(session_, slot)) << "its memory was given back";
  }
}

TEST_F(ProcessTableTest, RetiresAndFrees) {
  Child child;
  wire::ProcessRecord& record = live_record(3, child.pid());
  record.ring = 2;
  wire::StderrRing& ring = session_.memory().rings[1];
  ring.owner_pid = record.pid;
  ring.written = 5;
  std::memcpy(ring.text, "hello", 5);
  EXPECT_TRUE(table_.update(1).empty());
  ASSERT_NE(table_.find(child.pid()), nullptr);
  const pid_t pid = child.pid();
  child.end_unreaped(SIGTERM);
  const auto ended = table_.update(2);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].process.pid, pid);
  EXPECT_EQ(ended[0].status, SIGTERM);
  EXPECT_EQ(ended[0].stderr_tail.text, "hello");
  EXPECT_TRUE(ended[0].stderr_tail.complete);
  EXPECT_EQ(state(3), wire::kProcessFree);
  EXPECT_EQ(ring.owner_pid, 0U);
  EXPECT_TRUE(table_.all_gone());
}

TEST_F(ProcessTableTest, LaterImageOfAProcessReplacesTheEarlier) {
  Child child;
  live_record(0, child.pid());
  table_.update(1);
  live_record(5, child.pid());
  table_.update(2);
  EXPECT_EQ(table_.live().size(), 1U);
  EXPECT_EQ(table_.find(child.pid())->slot, 5U);
  EXPECT_EQ(state(0), wire::kProcessFree);
  EXPECT_EQ(state(5), wire::kProcessLive);
}

TEST_F(ProcessTableTest, GarbageRecordsAreFreed) {
  live_record(0, 0);
  live_record(1, -5);
  table_.update(1);
  EXPECT_TRUE(table_.all_gone());
  EXPECT_EQ(state(0), wire::kProcessFree);
}

TEST_F(ProcessTableTest, AbandonedClaimIsTakenBack) {
  store_word(session_.memory().processes[7].state, wire::kProcessClaimed);
  table_.update(1'000'000'000);
  EXPECT_EQ(state(7), wire::kProcessClaimed);
  table_.update(7'000'000'000);
  EXPECT_EQ(state(7), wire::kProcessFree);
}

TEST_F(ProcessTableTest, StatusFromAParentsWait) {
  Child parent;
  wire::ProcessRecord& record = live_record(0, parent.pid());
  record.children[9] = {4242, SIGKILL};
  table_.update(1);
  EXPECT_EQ(table_.status_from_parents(4242), SIGKILL);
  EXPECT_FALSE(table_.status_from_parents(4243));
}

TEST_F(ProcessTableTest, NumberOfAnotherNamespaceIsNotWatched) {
  // Process 1 was not born with this record.
  live_record(0, 1);
  table_.update(1);
  table_.update(2);
  EXPECT_TRUE(table_.all_gone());
  EXPECT_EQ(state(0), wire::kProcessLive) << "it may be in use";
}

TEST_F(ProcessTableTest, RootNeedsNoRecord) {
  Child child;
  table_.add_known(child.pid(), 1);
  table_.add_known(child.pid(), 1);
  EXPECT_EQ(table_.live().size(), 1U);
  EXPECT_TRUE(table_.remove(child.pid()));
  EXPECT_FALSE(table_.remove(child.pid()));
}

TEST(Session, RingWrapsOldestFirst) {
  Session session = std::move(*Session::create());
  wire::StderrRing& ring = session.memory().rings[0];
  ring.owner_pid = 9;
  ring.written = wire::kRingBytes + 3;
  std::memset(ring.text, 'a', sizeof ring.text);
  std::memcpy(ring.text, "xyz", 3);
  const StderrTail tail = read_stderr_ring(session.memory(), 1, 9);
  EXPECT_FALSE(tail.complete);
  ASSERT_EQ(tail.text.size(), wire::kRingBytes);
  EXPECT_EQ(tail.text.substr(wire::kRingBytes - 4), "axyz");
  EXPECT_TRUE(read_stderr_ring(session.memory(), 1, 8).text.empty()) << "another process's";
  EXPECT_TRUE(read_stderr_ring(session.memory(), 0, 9).text.empty());
  EXPECT_TRUE(read_stderr_ring(session.memory(), wire::kMaxRings + 1, 9).text.empty());
}

TEST(Session, AbortTextIsBounded) {
  auto crash = std::make_unique<wire::CrashRecord>();
  std::memset(crash->abort_text, 'x', sizeof crash->abort_text);
  crash->abort_text_size = ~0U;
  EXPECT_EQ(read_abort_text(*crash).size(), wire::kAbortTextBytes);
  crash->abort_text[4] = 0;
  EXPECT_EQ(read_abort_text(*crash), "xxxx");
}

TEST(Membership, IsTheMappingOfThisSession) {
  const Session session = std::move(*Session::create());
  EXPECT_TRUE(maps_session(::getpid(), session));
  Child child;
  EXPECT_TRUE(maps_session(child.pid(), session)) << "inherited by a fork";
  EXPECT_FALSE(maps_session(::getppid(), session));
  EXPECT_FALSE(maps_session(1 << 30, session));
}

TEST(Session, CannotBeShrunkByTheProgram) {
  const Session session = std::move(*Session::create());
  EXPECT_NE(::ftruncate(session.fd(), 0), 0);
}

TEST(Session, KnowsWhetherOthersHoldIt) {
  const Session session = std::move(*Session::create());
  session.memory().doorbell = 7;
  {
    const Child child;
    EXPECT_TRUE(session.used_by_others());
    session.memory().lost_crashes = 3;  // still the shared memory
  }
  EXPECT_FALSE(session.used_by_others());
  EXPECT_EQ(session.memory().doorbell, 7U);
  EXPECT_EQ(session.memory().lost_crashes, 3U);
}

TEST(Session, MonitorsDeathMarksTheLock) {
  Session session = std::move(*Session::create());
  const pid_t monitor = ::fork();
  if (monitor == 0) ::_exit(session.attach_monitor() ? 0 : 1);
  int status = 0;
  ASSERT_EQ(::waitpid(monitor, &status, 0), monitor);
  ASSERT_EQ(status, 0);
  constexpr std::uint32_t kOwnerDied = 0x40000000;
  EXPECT_NE(load_word(session.memory().monitor_mutex[0]) & kOwnerDied, 0U);
}

TEST(Pidfd, StatusOfZombie) {
  Child child;
  const Fd pidfd = open_pidfd(child.pid());
  ASSERT_TRUE(pidfd);
  EXPECT_TRUE(is_alive(pidfd, child.pid()));
  EXPECT_FALSE(ended_status(pidfd, child.pid()));
  child.end_unreaped(SIGKILL);
  EXPECT_FALSE(is_alive(pidfd, child.pid()));
  EXPECT_EQ(ended_status(pidfd, child.pid()), SIGKILL);
}

TEST(Pidfd, StartTimeIsBeforeNow) {
  const auto started = start_time_ns(::getpid());
  ASSERT_TRUE(started);
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  EXPECT_LE(*started, static_cast<std::uint64_t>(now.tv_sec + 1) * 1'000'000'000ULL);
  EXPECT_FALSE(start_time_ns(1 << 30));
}

}  // namespace
}  // namespace segwhy
