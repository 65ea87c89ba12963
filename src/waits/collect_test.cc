#include "waits/collect.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

namespace segwhy::waits {
namespace {

TEST(LockHolder, IsNamedAboveWhoWaitsForIt) {
  const char* const locks =
      "1: FLOCK  ADVISORY  WRITE 4711 08:01:77 0 EOF\n"
      "2: POSIX  ADVISORY  WRITE 4712 08:01:78 0 EOF\n"
      "2: -> POSIX  ADVISORY  WRITE 4713 08:01:78 0 EOF\n";
  EXPECT_EQ(lock_holder(locks, 4713), 4712);
  EXPECT_FALSE(lock_holder(locks, 4712));
  EXPECT_FALSE(lock_holder("", 4713));
  EXPECT_FALSE(lock_holder("2: -> POSIX\n1: FLOCK", 4713));
}

TEST(Switches, TellWhoHasRunSince) {
  Switches switches;
  switches.note(::getpid());
  std::this_thread::sleep_for(std::chrono::milliseconds(1));  // gives the processor up, which counts
  EXPECT_TRUE(switches.has_run(::getpid(), ::getpid()));
  EXPECT_TRUE(switches.has_run(::getpid(), 0)) << "not noted";
}

}  // namespace
}  // namespace segwhy::waits
