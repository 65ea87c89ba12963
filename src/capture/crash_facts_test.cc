#include "capture/crash_facts.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <memory>

namespace segwhy {
namespace {

class CrashFactsTest : public testing::Test {
 protected:
  wire::CrashRecord& record(std::uint32_t index, std::uint32_t state, std::uint32_t tid, std::uint64_t pc,
                            int signal = SIGSEGV, int code = SEGV_MAPERR) {
    wire::CrashRecord& r = session_->crashes[index];
    r.state = state;
    r.pid = 100;
    r.tid = tid;
    r.signal = signal;
    r.registers.rip = pc;
    r.registers.trap_number = 14;
    r.registers.page_fault_error = 6;
    std::memcpy(r.siginfo, &signal, 4);
    std::memcpy(r.siginfo + 8, &code, 4);
    return r;
  }
  std::unique_ptr<wire::Session> session_ = std::make_unique<wire::Session>();
};

TEST_F(CrashFactsTest, AFaultOfItsOwn) {
  record(3, wire::kCrashTaken, 101, 0x1000);
  const auto facts = crash_facts(*session_, 3);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->pid, 100);
  EXPECT_EQ(facts->tid, 101);
  EXPECT_EQ(facts->registers.pc().value(), 0x1000U);
  EXPECT_EQ(facts->signal.number, SIGSEGV);
  EXPECT_EQ(facts->signal.page_fault_error, 6U);
}

TEST_F(CrashFactsTest, TheOriginIsTheFirstOfAChain) {
  record(0, wire::kCrashReleased, 101, 0x1000);
  record(1, wire::kCrashReleased, 101, 0x2000, SIGABRT, SI_TKILL).follows = 1;
  record(2, wire::kCrashTaken, 101, 0x3000, SIGSEGV, SI_TKILL).follows = 2;
  const auto facts = crash_facts(*session_, 2);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->registers.pc().value(), 0x1000U);
  EXPECT_EQ(facts->signal.code, SEGV_MAPERR);
}

TEST_F(CrashFactsTest, AChainThatDoesNotHoldIsNotFollowed) {
  wire::CrashRecord& last = record(2, wire::kCrashTaken, 101, 0x3000);
  const auto pc = [&] { return crash_facts(*session_, 2)->registers.pc().value(); };
  last.follows = 1;
  EXPECT_EQ(pc(), 0x3000U) << "the earlier record is free";
  record(0, wire::kCrashReleased, 102, 0x1000);
  EXPECT_EQ(pc(), 0x3000U) << "another thread's";
  record(0, wire::kCrashReleased, 101, 0x1000);
  session_->crashes[0].pid = 99;
  EXPECT_EQ(pc(), 0x3000U) << "another process's";
  last.follows = wire::kMaxCrashes + 1;
  EXPECT_EQ(pc(), 0x3000U) << "no such record";
  last.follows = UINT32_MAX;
  EXPECT_EQ(pc(), 0x3000U);
  last.follows = 3;
  EXPECT_EQ(pc(), 0x3000U) << "itself";
  record(0, wire::kCrashReleased, 101, 0x1000).follows = 3;
  last.follows = 1;
  (void)pc();  // a loop ends
}

TEST_F(CrashFactsTest, SignalsThatWereSentHaveNoFault) {
  record(0, wire::kCrashTaken, 101, 0x1000, SIGABRT, SI_TKILL);
  const auto facts = crash_facts(*session_, 0);
  EXPECT_EQ(facts->signal.page_fault_error, std::nullopt);
  EXPECT_EQ(facts->signal.trap_number, 0U) << "left over from an earlier fault of the thread";
}

TEST_F(CrashFactsTest, ADamagedSiginfoLeavesTheNumber) {
  wire::CrashRecord& r = record(0, wire::kCrashTaken, 101, 0x1000);
  std::memset(r.siginfo, 0xff, sizeof r.siginfo);
  EXPECT_EQ(crash_facts(*session_, 0)->signal.number, SIGSEGV);
  EXPECT_EQ(crash_facts(*session_, 0)->signal.address.value(), 0U);
}

TEST_F(CrashFactsTest, OnlyARecordInTheMonitorsHands) {
  for (const std::uint32_t state : {wire::kCrashFree, wire::kCrashFilling, wire::kCrashReady, wire::kCrashReleased}) {
    record(0, state, 101, 0x1000);
    EXPECT_FALSE(crash_facts(*session_, 0)) << state;
  }
  EXPECT_FALSE(crash_facts(*session_, wire::kMaxCrashes));
  record(0, wire::kCrashTaken, 101, 0x1000, 0);
  EXPECT_FALSE(crash_facts(*session_, 0)) << "signal 0";
  record(0, wire::kCrashTaken, 0, 0x1000);
  EXPECT_FALSE(crash_facts(*session_, 0)) << "no thread";
}

TEST_F(CrashFactsTest, ThreadsThatWaitToo) {
  record(0, wire::kCrashTaken, 101, 0x1000);
  record(1, wire::kCrashReady, 102, 0x2000);
  record(2, wire::kCrashFilling, 103, 0x3000);
  record(3, wire::kCrashReleased, 104, 0x4000);
  record(4, wire::kCrashReady, 105, 0x5000).pid = 7;
  const auto waiting = threads_in_handlers(*session_, 100);
  ASSERT_EQ(waiting.size(), 2U);
  EXPECT_EQ(waiting[1].tid, 102);
  EXPECT_EQ(waiting[1].registers.pc().value(), 0x2000U);
}

}  // namespace
}  // namespace segwhy
