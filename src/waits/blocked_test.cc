#include "waits/blocked.h"

#include <gtest/gtest.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/syscall.h>

#include <cstring>

#include "unit/fake_target.h"

namespace segwhy::waits {
namespace {

using On = Blocked::On;

constexpr int kTid = 100, kOther = 101;

class BlockedTest : public testing::Test {
 protected:
  Blocked call(std::uint64_t number, std::array<std::uint64_t, 6> arguments) {
    target_.thread().system_call = SystemCall{number, arguments};
    return blocked_on(target_.snapshot, target_.thread(), threads_);
  }
  Blocked futex(std::uint64_t operation, std::uint32_t value, std::uint64_t timeout = 0) {
    return call(SYS_futex, {test::kHeap, operation, value, timeout, 0, 0});
  }
  void word(std::uint64_t at, std::uint32_t value) {
    std::vector<std::uint8_t> bytes(sizeof value);
    std::memcpy(bytes.data(), &value, sizeof value);
    target_.memory.put(at, bytes);
  }
  void inside(const char* function) {
    threads_.front().native.emplace_back();
    threads_.front().native.back().symbol = function;
  }

  BlockedTest() {
    target_.memory.put(test::kHeap, std::vector<std::uint8_t>(64));
    threads_.resize(2);
    threads_[0].tid = kTid;
    threads_[1].tid = kOther;
  }
  test::FakeTarget target_;
  std::vector<Thread> threads_;
};

TEST_F(BlockedTest, AFutexIsALockUntilItsWordChanges) {
  word(test::kHeap, 7);
  EXPECT_EQ(futex(FUTEX_WAIT_PRIVATE, 7).on, On::kLock);
  EXPECT_EQ(futex(FUTEX_WAIT_PRIVATE, 8).on, On::kUnknown) << "it has been woken";
  EXPECT_EQ(futex(FUTEX_WAIT_PRIVATE, 7, 0x1000).on, On::kTime);
  EXPECT_EQ(futex(FUTEX_WAKE_PRIVATE, 7).on, On::kUnknown);
}

TEST_F(BlockedTest, InSharedMemoryItIsEverybodys) {
  for (Mapping& m : target_.snapshot.mappings) m.shared = m.contains(TargetAddr(test::kHeap));
  EXPECT_EQ(futex(FUTEX_WAIT, 0).on, On::kShared);
  EXPECT_EQ(futex(FUTEX_WAIT_PRIVATE, 0).on, On::kLock);
}

TEST_F(BlockedTest, AMutexNamesItsHolder) {
  word(test::kHeap, 2);
  word(test::kHeap + 8, kOther);
  inside("__GI___lll_lock_wait");
  inside("___pthread_mutex_lock");
  const Blocked blocked = futex(FUTEX_WAIT_PRIVATE, 2);
  EXPECT_EQ(blocked.on, On::kMutex);
  EXPECT_EQ(blocked.tid, kOther);
  word(test::kHeap + 8, 0);
  EXPECT_EQ(futex(FUTEX_WAIT_PRIVATE, 2).on, On::kUnknown) << "nobody has it";
}

TEST_F(BlockedTest, AJoinNamesTheThread) {
  word(test::kHeap, kOther);
  inside("__pthread_clockjoin_ex");
  const Blocked blocked = futex(FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, kOther);
  EXPECT_EQ(blocked.on, On::kJoin);
  EXPECT_EQ(blocked.tid, kOther);
}

TEST_F(BlockedTest, TheGilIsWaitedForInSlices) {
  inside("take_gil");
  EXPECT_EQ(futex(FUTEX_WAIT_BITSET_PRIVATE, 0, 0x1000).on, On::kUnknown) << "nobody holds it";
  threads_[1].holds_gil = true;
  EXPECT_EQ(futex(FUTEX_WAIT_BITSET_PRIVATE, 0, 0x1000).tid, kOther);
}

TEST_F(BlockedTest, WaitingForChildren) {
  EXPECT_EQ(call(SYS_wait4, {4711, 0, 0, 0, 0, 0}).pid, 4711);
  EXPECT_EQ(call(SYS_wait4, {static_cast<std::uint64_t>(-1), 0, 0, 0, 0, 0}).on, On::kChild);
  EXPECT_FALSE(call(SYS_wait4, {static_cast<std::uint64_t>(-1), 0, 0, 0, 0, 0}).pid);
  EXPECT_EQ(call(SYS_waitid, {3, 5, 0, 0, 0, 0}).on, On::kUnknown) << "by a descriptor";
}

TEST_F(BlockedTest, PollWaitsForEachDescriptorUnlessTimeEndsIt) {
  const pollfd entries[] = {{5, POLLIN, 0}, {-1, POLLIN, 0}, {6, POLLOUT, 0}};
  std::vector<std::uint8_t> bytes(sizeof entries);
  std::memcpy(bytes.data(), entries, sizeof entries);
  target_.memory.put(test::kHeap, bytes);
  const auto for_ever = static_cast<std::uint64_t>(-1);
  const Blocked blocked = call(SYS_poll, {test::kHeap, 3, for_ever, 0, 0, 0});
  ASSERT_EQ(blocked.interests.size(), 2U);
  EXPECT_TRUE(blocked.interests[0].fd == 5 && blocked.interests[0].reads && !blocked.interests[0].writes);
  EXPECT_TRUE(blocked.interests[1].fd == 6 && blocked.interests[1].writes);
  EXPECT_EQ(call(SYS_poll, {test::kHeap, 3, 1000, 0, 0, 0}).on, On::kTime);
  EXPECT_EQ(call(SYS_poll, {0x10, 3, for_ever, 0, 0, 0}).on, On::kUnknown) << "unreadable";
}

TEST_F(BlockedTest, SelectReadsItsSets) {
  target_.memory.put(test::kHeap, {0x08, 0x01});
  const Blocked blocked = call(SYS_select, {16, test::kHeap, 0, 0, 0, 0});
  ASSERT_EQ(blocked.interests.size(), 2U);
  EXPECT_EQ(blocked.interests[0].fd, 3);
  EXPECT_EQ(blocked.interests[1].fd, 8);
}

TEST_F(BlockedTest, ReadsWritesAndTheRest) {
  EXPECT_TRUE(call(SYS_read, {3, 0, 0, 0, 0, 0}).interests.front().reads);
  EXPECT_TRUE(call(SYS_write, {3, 0, 0, 0, 0, 0}).interests.front().writes);
  EXPECT_EQ(call(SYS_flock, {3, 0, 0, 0, 0, 0}).on, On::kFileLock);
  EXPECT_EQ(call(SYS_clock_nanosleep, {0, 0, 0, 0, 0, 0}).on, On::kUnknown);
  target_.thread().system_call.reset();
  EXPECT_EQ(blocked_on(target_.snapshot, target_.thread(), threads_).on, On::kUnknown);
}

}  // namespace
}  // namespace segwhy::waits
