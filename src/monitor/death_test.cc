#include "monitor/death.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <memory>

namespace segwhy {
namespace {

// Wait statuses as the kernel encodes them.
constexpr int exit_status(int code) {
  return code << 8;
}
constexpr int kCore = 0x80;

std::unique_ptr<wire::CrashRecord> crash_with(const siginfo_t& info) {
  auto crash = std::make_unique<wire::CrashRecord>();
  crash->signal = info.si_signo;
  std::memcpy(crash->siginfo, &info, sizeof info);
  return crash;
}

TEST(DeathOfCrash, FaultHasAnAddressAndNoSender) {
  siginfo_t info{};
  info.si_signo = SIGSEGV;
  info.si_code = SEGV_MAPERR;
  void* const address = &info;
  info.si_addr = address;
  const Death death = death_of_crash(*crash_with(info));
  EXPECT_EQ(death.kind, "signal");
  EXPECT_EQ(death.address, reinterpret_cast<std::uintptr_t>(address));
  EXPECT_FALSE(death.sender_pid);
}

TEST(DeathOfCrash, NonCanonicalFaultHasNoAddress) {
  siginfo_t info{};
  info.si_signo = SIGSEGV;
  info.si_code = SI_KERNEL;
  EXPECT_FALSE(death_of_crash(*crash_with(info)).address);
}

TEST(DeathOfCrash, SentSignalHasASenderAndNoAddress) {
  siginfo_t info{};
  info.si_signo = SIGSEGV;
  info.si_code = SI_USER;
  info.si_pid = 42;
  info.si_uid = 1000;
  const Death death = death_of_crash(*crash_with(info));
  EXPECT_EQ(death.sender_pid, 42);
  EXPECT_EQ(death.sender_uid, 1000);
  EXPECT_FALSE(death.address);
}

TEST(DeathOfStatus, Exit) {
  const Death death = death_of_status(exit_status(3), {});
  EXPECT_EQ(death.kind, "exit");
  EXPECT_EQ(death.exit_code, 3);
  EXPECT_FALSE(death.signal);
}

TEST(DeathOfStatus, SignalWithSender) {
  wire::ProcessRecord record{};
  record.kill_signal = SIGTERM;
  record.kill_sender_pid = 5;
  record.kill_code = SI_USER;
  EXPECT_EQ(death_of_status(SIGTERM, record).sender_pid, 5);
  // The record is of another signal than the one that ended it.
  const Death killed = death_of_status(SIGKILL | kCore, record);
  EXPECT_FALSE(killed.sender_pid);
  EXPECT_TRUE(killed.dumped_core);
}

TEST(DeathOfStatus, UnknownIsNotMadeUp) {
  const Death death = death_of_status(std::nullopt, {});
  EXPECT_EQ(death.kind, "none");
  EXPECT_FALSE(death.signal);
  EXPECT_FALSE(death.exit_code);
}

TEST(RealSender, ReplacesTheFrontOnly) {
  Death death = death_of_status(SIGTERM, {});
  death.sender_pid = 10;
  name_real_sender(death, 10, {{SIGTERM, 77, 0, "timeout"}, {SIGUSR1, 88, 0, {}}});
  EXPECT_EQ(death.sender_pid, 77);
  EXPECT_EQ(death.sender_name, "timeout");
  death.sender_pid = 11;
  name_real_sender(death, 10, {{SIGTERM, 99, 0, {}}});
  EXPECT_EQ(death.sender_pid, 11);
}

TEST(DiedOfCrash, SameSignalOrAnotherFaultOnTheWayOut) {
  Death crash;
  crash.signal = SIGSEGV;
  EXPECT_TRUE(died_of_crash(crash, true, SIGSEGV | kCore));
  EXPECT_TRUE(died_of_crash(crash, true, SIGABRT));
  EXPECT_FALSE(died_of_crash(crash, true, SIGTERM));
  EXPECT_FALSE(died_of_crash(crash, true, exit_status(0)));
  EXPECT_FALSE(died_of_crash(crash, true, exit_status(1)));
}

TEST(DiedOfCrash, UnknownStatusCountsUnlessHandled) {
  Death crash;
  crash.signal = SIGSEGV;
  EXPECT_TRUE(died_of_crash(crash, false, std::nullopt));
  EXPECT_FALSE(died_of_crash(crash, true, std::nullopt));
}

}  // namespace
}  // namespace segwhy
