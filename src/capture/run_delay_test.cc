#include "capture/run_delay.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <cstddef>

#include "capture/test_process.h"

namespace segwhy {
namespace {

using testing_support::ChildProcess;
using testing_support::wait_until;

// On the processor that this thread runs on.
[[noreturn]] void spin_on(std::size_t processor) {
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(processor, &only);
  ::sched_setaffinity(0, sizeof only, &only);
  for (;;) {
  }
}

TEST(RunDelay, OfTwoThatShareAProcessor) {
  if (::access("/proc/self/schedstat", R_OK) != 0) GTEST_SKIP() << "this kernel does not tell";
  const auto processor = static_cast<std::size_t>(::sched_getcpu());
  ChildProcess one([processor]() -> int { spin_on(processor); });
  ChildProcess other([processor]() -> int { spin_on(processor); });
  constexpr std::uint64_t kSomeNs = 1'000'000;
  wait_until([&] { return read_run_delay_ns(one.pid()) > kSomeNs && read_run_delay_ns(other.pid()) > kSomeNs; });
  EXPECT_GT(read_run_delay_ns(one.pid()), kSomeNs);
}

TEST(RunDelay, OfAProcessThatIsGone) {
  int pid = 0;
  {
    ChildProcess child([] {
      for (;;) ::pause();
      return 0;
    });
    pid = child.pid();
  }
  EXPECT_EQ(read_run_delay_ns(pid), 0U);
}

}  // namespace
}  // namespace segwhy
