// The freezer against real processes. Each child tells through shared memory when it is where the test wants it.
#include "capture/freezer.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

#include <algorithm>
#include <atomic>
#include <random>

#include "capture/test_process.h"

namespace segwhy {
namespace {

using testing_support::ChildProcess;
using testing_support::Shared;
using testing_support::status_number;
using testing_support::wait_until;

constexpr std::uint64_t kMagic = 0x5e6711e4a11ce5;

// A loop with a known value in a callee-saved register, counting where we can see it.
[[noreturn]] void spin_with_magic_register(std::atomic<std::uint64_t>& counter) {
  asm volatile("mov %1, %%r12\n1: lock incq (%0)\njmp 1b" : : "r"(&counter), "r"(kMagic) : "r12", "memory");
  __builtin_unreachable();
}

struct Workers {
  std::atomic<int> ready;
  std::atomic<std::uint64_t> spins;
};

// One spinning thread, `blocked` blocked ones, and the main thread blocked too.
int run_workers(Workers& shared, int blocked) {
  std::vector<std::thread> threads;
  for (int i = 0; i < blocked; ++i) {
    threads.emplace_back([&] {
      ++shared.ready;
      for (;;) ::pause();
    });
  }
  threads.emplace_back([&] {
    ++shared.ready;
    spin_with_magic_register(shared.spins);
  });
  for (;;) ::pause();
}

TEST(Freezer, StopsEveryThreadAndLetsThemGoOn) {
  const Shared<Workers> shared;
  const ChildProcess child([&] { return run_workers(*shared, 20); });
  wait_until([&] { return shared->ready == 21 && shared->spins > 0; });

  auto freezer = Freezer::freeze(child.pid());
  ASSERT_TRUE(freezer) << freezer.error().what;
  const auto& threads = (*freezer)->threads();
  EXPECT_EQ(threads.size(), 22U);
  EXPECT_TRUE(std::all_of(threads.begin(), threads.end(), [](const auto& t) { return t.registers.has_value(); }));
  EXPECT_TRUE(std::is_sorted(threads.begin(), threads.end(), [](auto& a, auto& b) { return a.tid < b.tid; }));
  EXPECT_EQ(std::count_if(threads.begin(), threads.end(),
                          [](const auto& t) { return t.registers->dwarf[Registers::kR12] == kMagic; }),
            1);
  for (const auto& t : threads) {
    const auto stat = parse_stat(read_proc(task_path(child.pid(), t.tid, "stat")));
    EXPECT_EQ(stat->state, 't') << t.tid;
  }
  const std::uint64_t frozen_at = shared->spins;
  for (int i = 0; i < 1000; ++i) std::this_thread::yield();
  EXPECT_EQ(shared->spins, frozen_at);

  (*freezer)->release();
  wait_until([&] { return shared->spins > frozen_at; });
  EXPECT_EQ(status_number(child.pid(), "TracerPid"), 0);
  (*freezer)->release();  // a second time does nothing
}

TEST(Freezer, DestructionReleases) {
  const Shared<Workers> shared;
  const ChildProcess child([&] { return run_workers(*shared, 1); });
  wait_until([&] { return shared->ready == 2; });
  { ASSERT_TRUE(Freezer::freeze(child.pid())); }
  const std::uint64_t before = shared->spins;
  wait_until([&] { return shared->spins > before; });
}

std::atomic<int>* g_delivered = nullptr;

TEST(Freezer, NoSignalIsLostOrInvented) {
  const Shared<std::atomic<int>> delivered;
  const Shared<std::atomic<int>> ready;
  const ChildProcess child([&] {
    g_delivered = &*delivered;
    struct sigaction action {};
    action.sa_handler = [](int) { ++*g_delivered; };
    ::sigaction(SIGRTMIN, &action, nullptr);
    *ready = 1;
    for (;;) {
    }
    return 0;
  });
  wait_until([&] { return *ready == 1; });
  int sent = 0;
  for (int round = 0; round < 200; ++round) {
    // Before, so that one is often caught in delivery, and during the stop.
    ASSERT_EQ(::sigqueue(child.pid(), SIGRTMIN, {}), 0);
    const auto freezer = Freezer::freeze(child.pid());
    ASSERT_TRUE(freezer) << freezer.error().what;
    ASSERT_EQ(::sigqueue(child.pid(), SIGRTMIN, {}), 0);
    sent += 2;
  }
  wait_until([&] { return *delivered >= sent; });
  EXPECT_EQ(*delivered, sent);
}

TEST(Freezer, ASignalCaughtInDeliveryIsDelivered) {
  const Shared<std::atomic<int>> delivered;
  const Shared<std::atomic<int>> sent;
  const ChildProcess child([&] {
    g_delivered = &*delivered;
    struct sigaction action {};
    action.sa_handler = [](int) { ++*g_delivered; };
    ::sigaction(SIGUSR1, &action, nullptr);
    // Nearly always in the delivery of one, which is over when the call returns.
    for (;;) {
      ++*sent;
      ::raise(SIGUSR1);
      if (*delivered != *sent) return 1;
    }
  });
  wait_until([&] { return *delivered > 0; });
  for (int round = 0; round < 300; ++round) {
    ASSERT_TRUE(Freezer::freeze(child.pid()));
  }
  const int before = *delivered;
  wait_until([&] { return *delivered > before || child.state() == 'Z'; });
  EXPECT_NE(child.state(), 'Z') << "a signal was lost";
}

TEST(Freezer, AStoppedProcessStaysStopped) {
  const Shared<std::atomic<std::uint64_t>> counter;
  ChildProcess child([&] {
    for (;;) ++*counter;
    return 0;
  });
  wait_until([&] { return *counter > 0; });
  ::kill(child.pid(), SIGSTOP);
  int status = 0;
  ASSERT_EQ(::waitpid(child.pid(), &status, WUNTRACED), child.pid());
  {
    const auto freezer = Freezer::freeze(child.pid());
    ASSERT_TRUE(freezer) << freezer.error().what;
    EXPECT_TRUE((*freezer)->threads().at(0).registers);
  }
  wait_until([&] { return status_number(child.pid(), "TracerPid") == 0; });
  wait_until([&] { return child.state() == 'T'; });
  const std::uint64_t stopped_at = *counter;
  for (int i = 0; i < 1000; ++i) std::this_thread::yield();
  EXPECT_EQ(*counter, stopped_at);
  ::kill(child.pid(), SIGCONT);
  wait_until([&] { return *counter > stopped_at; });
}

struct VforkState {
  std::atomic<int> grandchild;
  std::atomic<bool> let_go;
};

// The grandchild runs on this process's stack until it exits: only shared memory and system calls in it.
int block_in_vfork(VforkState& shared) {
  const pid_t pid = ::vfork();  // NOLINT(clang-analyzer-security.insecureAPI.vfork): it is what is tested
  if (pid == 0) {
    shared.grandchild = ::getpid();
    while (!shared.let_go) {
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return 42;
}

TEST(Freezer, AThreadInVforkIsNotedAndNotHungUp) {
  const Shared<VforkState> shared;
  ChildProcess child([&] { return block_in_vfork(*shared); });
  wait_until([&] { return shared->grandchild != 0 && child.state() == 'D'; });
  {
    const auto freezer = Freezer::freeze(child.pid());
    ASSERT_TRUE(freezer) << freezer.error().what;
    ASSERT_EQ((*freezer)->threads().size(), 1U);
    EXPECT_FALSE((*freezer)->threads()[0].registers);
  }
  wait_until([&] { return status_number(child.pid(), "TracerPid") == 0; });
  shared->let_go = true;
  EXPECT_EQ(WEXITSTATUS(child.wait()), 42) << "it went on as if nothing had been";
}

TEST(Freezer, ExitStatusIsLeftForTheParent) {
  const Shared<Workers> shared;
  ChildProcess child([&] { return run_workers(*shared, 3); });
  wait_until([&] { return shared->ready == 4; });
  auto freezer = Freezer::freeze(child.pid());
  ASSERT_TRUE(freezer);
  ::kill(child.pid(), SIGKILL);
  wait_until([&] { return child.state() == 'Z'; });
  (*freezer)->release();
  const int status = child.wait();
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

TEST(Freezer, KilledAtAnyMoment) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    const Shared<Workers> shared;
    ChildProcess child([&] { return run_workers(*shared, 4); });
    wait_until([&] { return shared->ready == 5; });
    std::thread killer([&, delay = random() % 400] {
      std::this_thread::sleep_for(std::chrono::microseconds(delay));
      ::kill(child.pid(), SIGKILL);
    });
    {
      const auto freezer = Freezer::freeze(child.pid());
      EXPECT_TRUE(freezer || freezer.error().what.find("is gone") != std::string::npos) << freezer.error().what;
    }
    killer.join();
    const int status = child.wait();
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  }
}

TEST(Freezer, ThreadsThatStartMeanwhileAreCaughtToo) {
  const Shared<std::atomic<int>> started;
  const ChildProcess child([&] {
    for (;;) {
      std::thread([&] { ++*started; }).join();
    }
    return 0;
  });
  wait_until([&] { return *started > 10; });
  for (int round = 0; round < 50; ++round) {
    const auto freezer = Freezer::freeze(child.pid());
    ASSERT_TRUE(freezer) << freezer.error().what;
    const int frozen_at = *started;
    for (int i = 0; i < 100; ++i) std::this_thread::yield();
    EXPECT_EQ(*started, frozen_at);
  }
}

TEST(Freezer, RefusalsSayWhy) {
  EXPECT_NE(Freezer::freeze(::getpid()).error().what.find("itself"), std::string::npos);
  int gone = 0;
  {
    ChildProcess child([] { return 0; });
    gone = child.pid();
    (void)child.wait();
  }
  EXPECT_NE(Freezer::freeze(gone).error().what.find("is gone"), std::string::npos);
  ChildProcess zombie([] { return 0; });
  wait_until([&] { return zombie.state() == 'Z'; });
  EXPECT_NE(Freezer::freeze(zombie.pid()).error().what.find("is gone"), std::string::npos);
  EXPECT_EQ(zombie.wait(), 0);
}

TEST(Freezer, AProcessThatIsTracedAlreadyIsRefusedAndUntouched) {
  const Shared<Workers> shared;
  const ChildProcess child([&] { return run_workers(*shared, 1); });
  wait_until([&] { return shared->ready == 2; });
  const Shared<std::atomic<int>> traced;
  const ChildProcess debugger([&] {
    for (const int tid : list_tasks(child.pid())) ::ptrace(PTRACE_SEIZE, tid, nullptr, nullptr);
    *traced = 1;
    for (;;) ::pause();
    return 0;
  });
  wait_until([&] { return *traced == 1; });
  const auto refused = Freezer::freeze(child.pid());
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("refused"), std::string::npos) << refused.error().what;
  const std::uint64_t before = shared->spins;
  wait_until([&] { return shared->spins > before; });
}

}  // namespace
}  // namespace segwhy
