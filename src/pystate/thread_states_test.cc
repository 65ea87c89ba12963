#include "pystate/thread_states.h"

#include <gtest/gtest.h>

#include "pystate/fake_python.h"

namespace segwhy::pystate {
namespace {

class ThreadsOf : public testing::TestWithParam<int> {
 protected:
  Result<ThreadStates> read(TargetAddr runtime) {
    return read_thread_states(python.memory(), python.layout(), runtime);
  }

  FakePython python{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Versions, ThreadsOf, testing::Range(kOldestMinor, kNewestMinor + 1));

TEST_P(ThreadsOf, OfAllInterpreters) {
  const TargetAddr sub = python.interpreter(3);
  const TargetAddr main = python.interpreter(0);
  python.put_field(sub, Field::kInterpreterNext, main.value());
  const TargetAddr frame = python.frame(python.code("f", 1), TargetAddr());
  python.thread(main, TargetAddr(), 0x1000, 11);
  python.thread(main, frame, 0x2000, 12);
  python.thread(sub, TargetAddr(), 0x1000, 11);
  const auto states = read(python.runtime(sub));
  ASSERT_TRUE(states);
  ASSERT_EQ(states->threads.size(), 3U);
  EXPECT_EQ(states->notes.size(), 0U);
  EXPECT_EQ(states->finalizing, false);
  EXPECT_EQ(states->threads[0].interpreter, 3);
  EXPECT_EQ(states->threads[1].pthread, 0x2000U);
  EXPECT_EQ(states->threads[1].innermost_frame, frame);
  EXPECT_EQ(states->threads[1].native_id, GetParam() >= 11 ? 12U : 0U);
}

TEST_P(ThreadsOf, TheHolderOfTheLock) {
  const TargetAddr main = python.interpreter(0);
  const TargetAddr holder = python.thread(main, TargetAddr(), 0x1000, 11);
  python.thread(main, TargetAddr(), 0x2000, 12);
  const TargetAddr runtime = python.runtime(main);
  TargetAddr gil = runtime + python.layout()[Field::kRuntimeGil];
  if (!python.layout().has(Field::kRuntimeGil)) {
    gil = python.allocate(64);
    python.put_field(main, Field::kInterpreterGil, gil.value());
  }
  python.put_field(gil, Field::kGilLastHolder, holder.value());
  python.put(gil + python.layout()[Field::kGilLocked], std::int32_t{1});
  EXPECT_FALSE(read(runtime)->threads.at(0).holds_gil);
  EXPECT_TRUE(read(runtime)->threads.at(1).holds_gil);
  // Released: the last holder is still named.
  python.put(gil + python.layout()[Field::kGilLocked], std::int32_t{0});
  EXPECT_FALSE(read(runtime)->threads.at(1).holds_gil);
}

TEST_P(ThreadsOf, Finalizing) {
  const TargetAddr main = python.interpreter(0);
  const TargetAddr thread = python.thread(main, TargetAddr(), 0x1000, 11);
  const TargetAddr runtime = python.runtime(main);
  python.put_field(runtime, Field::kRuntimeFinalizing, thread.value());
  EXPECT_EQ(read(runtime)->finalizing, true);
}

TEST_P(ThreadsOf, NoInterpreterIsNoError) {
  const auto states = read(python.runtime(TargetAddr()));
  ASSERT_TRUE(states);
  EXPECT_TRUE(states->threads.empty());
  EXPECT_EQ(states->notes.size(), 1U);
}

TEST_P(ThreadsOf, WhatIsNotLaidOutAsExpectedIsAnError) {
  const TargetAddr main = python.interpreter(0);
  const TargetAddr thread = python.thread(main, TargetAddr(), 0x1000, 11);
  python.put_field(thread, Field::kThreadInterpreter, (main + 8).value());
  EXPECT_FALSE(read(python.runtime(main)));
  EXPECT_FALSE(read(python.runtime(TargetAddr(0x4141414141414140))));
  EXPECT_FALSE(read(TargetAddr(0x10)));
}

TEST_P(ThreadsOf, ListsThatLeadBackEnd) {
  const TargetAddr main = python.interpreter(0);
  const TargetAddr thread = python.thread(main, TargetAddr(), 0x1000, 11);
  python.put_field(thread, Field::kThreadNext, thread.value());
  python.put_field(main, Field::kInterpreterNext, main.value());
  const auto states = read(python.runtime(main));
  ASSERT_TRUE(states);
  EXPECT_EQ(states->threads.size(), 1U);
  EXPECT_EQ(states->notes.size(), 2U);
}

ThreadSnapshot native(int tid, std::uint64_t fs_base) {
  ThreadSnapshot t;
  t.tid = tid;
  t.registers.fs_base = fs_base;
  t.registers_known = fs_base != 0;
  return t;
}

ThreadState state(std::uint64_t pthread, std::uint64_t native_id, std::int64_t interpreter = 0) {
  ThreadState s;
  s.pthread = pthread;
  s.native_id = native_id;
  s.interpreter = interpreter;
  return s;
}

std::vector<int> assigned(std::vector<ThreadState> states, const std::vector<ThreadSnapshot>& threads) {
  assign_native_threads(states, threads);
  std::vector<int> tids;
  for (const ThreadState& s : states) tids.push_back(s.tid);
  return tids;
}

TEST(NativeThreads, ByThreadPointer) {
  EXPECT_EQ(assigned({state(0x2000, 0), state(0x1000, 0), state(0x3000, 0)}, {native(1, 0x1000), native(2, 0x2000)}),
            (std::vector{2, 1, 0}));
}

TEST(NativeThreads, AThreadPointerUsedAgainBelongsToTheThreadThatAgreesOnItsId) {
  EXPECT_EQ(assigned({state(0x1000, 7), state(0x1000, 8)}, {native(8, 0x1000)}), (std::vector{0, 8}));
}

TEST(NativeThreads, AChildOfForkHasItsParentsId) {
  EXPECT_EQ(assigned({state(0x1000, 7)}, {native(8, 0x1000)}), (std::vector{8}));
}

TEST(NativeThreads, WithoutRegistersTheIdDecides) {
  EXPECT_EQ(assigned({state(0x1000, 8), state(0x2000, 0)}, {native(8, 0)}), (std::vector{8, 0}));
  // With them, an id that happens to agree does not.
  EXPECT_EQ(assigned({state(0x1000, 8)}, {native(8, 0x2000)}), (std::vector{0}));
}

TEST(NativeThreads, OneThreadMayWorkForSeveralInterpreters) {
  EXPECT_EQ(assigned({state(0x1000, 1, 0), state(0x1000, 1, 1)}, {native(1, 0x1000)}), (std::vector{1, 1}));
}

}  // namespace
}  // namespace segwhy::pystate
