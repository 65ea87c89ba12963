#include "waits/wait_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace segwhy::waits {
namespace {

using On = Blocked::On;
using testing::Each;
using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;
using testing::Optional;
using testing::UnorderedElementsAre;

constexpr int kParent = 100, kChild = 200, kPipe = 77;

Blocked on(On what, std::optional<int> tid = {}, std::optional<int> pid = {}) {
  Blocked blocked;
  blocked.on = what;
  blocked.tid = tid;
  blocked.pid = pid;
  return blocked;
}

Blocked on_fd(int fd, bool reads) {
  Blocked blocked = on(On::kChannels);
  blocked.interests = {{fd, reads, !reads}};
  return blocked;
}

ProcessFacts process(int pid, std::vector<Blocked> threads) {
  ProcessFacts facts;
  facts.pid = pid;
  int tid = pid;
  for (Blocked& blocked : threads) facts.threads.push_back({tid++, std::move(blocked)});
  return facts;
}

ChannelEnd pipe_end(int fd, bool reads, bool writes) {
  return {fd, {kPipe, 0}, reads, writes};
}

std::vector<int> tids(const std::vector<StuckThread>& stuck) {
  std::vector<int> out;
  for (const StuckThread& s : stuck) out.push_back(s.tid);
  return out;
}

TEST(WaitGraph, TwoMutexesInTwoOrdersAreAKnot) {
  const auto stuck = find_stuck({process(1, {on(On::kMutex, 2), on(On::kMutex, 1)})}, {});
  EXPECT_THAT(tids(stuck), ElementsAre(1, 2));
  EXPECT_THAT(stuck, Each(Field(&StuckThread::knot, Optional(0U))));
  EXPECT_THAT(stuck, Each(Field(&StuckThread::named, true)));
}

TEST(WaitGraph, AMutexWhoseHolderRunsWillBeReleased) {
  EXPECT_THAT(find_stuck({process(1, {on(On::kMutex, 2), on(On::kUnknown)})}, {}), IsEmpty());
  EXPECT_THAT(find_stuck({process(1, {on(On::kMutex, 2), on(On::kTime)})}, {}), IsEmpty());
}

TEST(WaitGraph, AMutexWhoseHolderIsNotThereNeverIs) {
  const auto stuck = find_stuck({process(1, {on(On::kMutex, 99), on(On::kTime)})}, {});
  ASSERT_EQ(stuck.size(), 1U);
  EXPECT_EQ(stuck.front().absent_holder, 99);
  EXPECT_TRUE(stuck.front().knot);
}

TEST(WaitGraph, ALockMayBeReleasedByAnyOtherThreadOfTheProcess) {
  EXPECT_THAT(find_stuck({process(1, {on(On::kLock), on(On::kTime)})}, {}), IsEmpty());
  EXPECT_THAT(tids(find_stuck({process(1, {on(On::kLock), on(On::kLock)})}, {})), ElementsAre(1, 2));
  EXPECT_THAT(tids(find_stuck({process(1, {on(On::kLock)}), process(2, {on(On::kTime)})}, {})), ElementsAre(1))
      << "another process cannot reach it";
}

TEST(WaitGraph, WhoWaitsForAKnotIsStuckButNoPartOfIt) {
  const auto stuck = find_stuck({process(kParent, {on(On::kChild, {}, kChild)}), process(kChild, {on(On::kLock)})}, {});
  ASSERT_THAT(tids(stuck), ElementsAre(kChild, kParent)) << "the origin first";
  EXPECT_TRUE(stuck[0].knot);
  EXPECT_FALSE(stuck[1].knot);
}

TEST(WaitGraph, AChildThatWasNotLookedAtMayEnd) {
  EXPECT_THAT(find_stuck({process(kParent, {on(On::kChild, {}, kChild)})}, {}), IsEmpty());
  auto any = process(kParent, {on(On::kChild)});
  any.children = {kChild, kChild + 1};
  EXPECT_THAT(tids(find_stuck({any, process(kChild, {on(On::kLock)})}, {})), ElementsAre(kChild));
  any.children = {kChild};
  EXPECT_THAT(tids(find_stuck({any, process(kChild, {on(On::kLock)})}, {})), ElementsAre(kChild, kParent));
}

// The parent waits for its child's end, the child for its feeder, the feeder for a reader of its pipe.
std::vector<ProcessFacts> queue_join() {
  auto parent = process(kParent, {on(On::kChild, {}, kChild)});
  parent.ends = {pipe_end(3, true, false)};
  auto child = process(kChild, {on(On::kLock), on_fd(4, false)});
  child.ends = {pipe_end(3, true, false), pipe_end(4, false, true)};
  return {parent, child};
}

TEST(WaitGraph, AQueueJoinedBeforeItIsRead) {
  const auto stuck = find_stuck(queue_join(), {});
  EXPECT_THAT(tids(stuck), UnorderedElementsAre(kParent, kChild, kChild + 1));
  EXPECT_THAT(stuck, Each(Field(&StuckThread::knot, Optional(0U))));
}

TEST(WaitGraph, APipeThatSomebodyElseMayReadHoldsNobodyUp) {
  Outside outside;
  outside.ends = {pipe_end(0, true, false)};
  EXPECT_THAT(find_stuck(queue_join(), outside), IsEmpty());
  outside.ends = {pipe_end(0, false, true)};
  EXPECT_EQ(find_stuck(queue_join(), outside).size(), 3U) << "another writer is of no use";
}

TEST(WaitGraph, ASocketIsServedFromItsOtherEnd) {
  auto parent = process(kParent, {on_fd(5, true)});
  parent.ends = {{5, {11, 12}, true, true}};
  auto child = process(kChild, {on_fd(6, true)});
  child.ends = {{6, {12, 11}, true, true}};
  EXPECT_EQ(find_stuck({parent, child}, {}).size(), 2U);
  child.threads.front().blocked = on(On::kTime);
  EXPECT_THAT(find_stuck({parent, child}, {}), IsEmpty());
}

TEST(WaitGraph, ADescriptorThatIsNoChannelMayBeServedFromOutside) {
  EXPECT_THAT(find_stuck({process(1, {on_fd(9, true)})}, {}), IsEmpty());
}

TEST(WaitGraph, SharedLocksAreReleasedByAnyProcessThatMapsThem) {
  Blocked blocked = on(On::kShared);
  blocked.place = {1, 42};
  auto first = process(kParent, {blocked});
  auto second = process(kChild, {on(On::kTime)});
  first.shared = second.shared = {{1, 42}};
  EXPECT_THAT(find_stuck({first, second}, {}), IsEmpty());
  second.threads.front().blocked = blocked;
  EXPECT_EQ(find_stuck({first, second}, {}).size(), 2U);
  Outside unknown;
  unknown.shares_memory = true;
  EXPECT_THAT(find_stuck({first, second}, unknown), IsEmpty()) << "somebody was left out";
  second.threads.front().blocked = on(On::kTime);
  second.shared.clear();
  EXPECT_THAT(tids(find_stuck({first, second}, {})), ElementsAre(kParent));
}

TEST(WaitGraph, TheHolderOfAFileLockIsAProcess) {
  EXPECT_THAT(find_stuck({process(1, {on(On::kFileLock)})}, {}), IsEmpty()) << "nobody knows who has it";
  EXPECT_EQ(find_stuck({process(1, {on(On::kFileLock, {}, 2)}), process(2, {on(On::kFileLock, {}, 1)})}, {}).size(),
            2U);
}

TEST(WaitGraph, TooManyThreadsAreNotJudged) {
  std::vector<Blocked> threads(kMaxThreads + 1, on(On::kLock));
  EXPECT_THAT(find_stuck({process(1, threads)}, {}), IsEmpty());
}

}  // namespace
}  // namespace segwhy::waits
