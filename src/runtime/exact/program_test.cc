// Programs around watched blocks: threads, signals, forks and system calls find them like any other memory.
#include <errno.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <new>
#include <thread>

#include "runtime/exact/exact.h"
#include "runtime/exact/testing/harness.h"

namespace segwhy::runtime::exact {
namespace {

using testing::AlternateStack;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::take_findings;

class Program : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::start_exact();
    (void)take_findings();
  }
  void TearDown() override { EXPECT_EQ(testing::unsupported(), 0u); }

  template <typename T = char>
  static T* block(std::size_t count) {
    void* const memory = allocate(count * sizeof(T), 64, 0);
    if (memory == nullptr) abort();
    return static_cast<T*>(memory);
  }
};

class Pipe {
 public:
  Pipe() {
    if (pipe(ends_) != 0) abort();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close(ends_[0]);
    close(ends_[1]);
  }
  [[nodiscard]] int out() const { return ends_[0]; }
  [[nodiscard]] int in() const { return ends_[1]; }

 private:
  int ends_[2] = {-1, -1};
};

void run_threads(int count, const std::function<void(int)>& work) {
  std::vector<std::thread> threads;
  for (int number = 0; number < count; ++number) {
    threads.emplace_back([number, &work] {
      const AlternateStack stack;
      work(number);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// Runs `work` in a forked child and returns its exit code, or minus its signal.
int in_child(const std::function<int()>& work) {
  const pid_t child = fork();
  if (child == 0) _exit(work());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// --- threads -------------------------------------------------------------------------------------------------------

TEST_F(Program, ThreadsCountTogether) {
  constexpr int kThreads = 4, kRounds = 5000;
  auto* const counters = block<std::atomic<std::uint64_t>>(3);
  run_threads(kThreads, [&](int) {
    for (int i = 0; i < kRounds; ++i) {
      counters[0].fetch_add(1);
      std::uint64_t seen = counters[1].load();
      while (!counters[1].compare_exchange_weak(seen, seen + 2)) {
      }
      counters[2].fetch_xor(std::uint64_t{1} << (i % 64));
    }
  });
  EXPECT_EQ(counters[0].load(), std::uint64_t{kThreads} * kRounds);
  EXPECT_EQ(counters[1].load(), std::uint64_t{2} * kThreads * kRounds);
  EXPECT_EQ(counters[2].load(), 0u);
  release(counters, 0);
}

TEST_F(Program, AMutexAndAConditionInAWatchedBlockWork) {
  struct Shared {
    pthread_mutex_t mutex;
    pthread_cond_t turn_changed;
    int turn;
    int count;
  };
  constexpr int kThreads = 4, kRounds = 200;
  auto* const shared = block<Shared>(1);
  pthread_mutex_init(&shared->mutex, nullptr);
  pthread_cond_init(&shared->turn_changed, nullptr);
  run_threads(kThreads, [&](int number) {
    for (int i = 0; i < kRounds; ++i) {
      pthread_mutex_lock(&shared->mutex);
      while (shared->turn != number) pthread_cond_wait(&shared->turn_changed, &shared->mutex);
      shared->turn = (number + 1) % kThreads;
      ++shared->count;
      pthread_cond_broadcast(&shared->turn_changed);
      pthread_mutex_unlock(&shared->mutex);
    }
  });
  EXPECT_EQ(shared->count, kThreads * kRounds);
  release(shared, 0);
}

TEST_F(Program, ThreadsAllocateAndFreeEachOthersBlocks) {
  constexpr int kThreads = 4, kRounds = 500;
  std::atomic<char*> handed{nullptr};
  run_threads(kThreads, [&](int number) {
    for (int i = 0; i < kRounds; ++i) {
      char* const mine = block(static_cast<std::size_t>(1 + (i * 97) % 9000));
      mine[0] = static_cast<char>(number);
      char* const other = handed.exchange(mine);
      if (other == nullptr) continue;
      EXPECT_LT(other[0], kThreads);
      EXPECT_EQ(release(other, 0), Release::kReleased);
    }
  });
  release(handed.load(), 0);
  EXPECT_THAT(take_findings(), IsEmpty());
}

// --- signals -------------------------------------------------------------------------------------------------------

volatile std::uint64_t* touched_by_handler;
std::atomic<int> deliveries;
sigjmp_buf back;

void touch_in_handler(int) {
  for (int i = 0; i < 20; ++i) touched_by_handler[i] = touched_by_handler[i] + 1;
  ++deliveries;
}

void jump_from_handler(int) {
  touch_in_handler(0);
  siglongjmp(back, 1);
}

// Sends a signal to the calling thread again and again while it runs `work`.
void under_signals(void (*handler)(int), const std::function<void()>& work) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigaction(SIGUSR1, &action, nullptr);
  deliveries = 0;
  const pthread_t target = pthread_self();
  std::atomic<bool> done{false};
  std::thread sender([&] {
    for (int seen = -1; !done; sched_yield()) {  // one at a time: the program is to get on, too
      if (deliveries == seen) continue;
      seen = deliveries;
      pthread_kill(target, SIGUSR1);
    }
  });
  work();
  done = true;
  sender.join();
  signal(SIGUSR1, SIG_DFL);
}

TEST_F(Program, SignalsArriveInsideAnAccess) {
  touched_by_handler = block<std::uint64_t>(20);
  auto* const counter = block<volatile std::uint64_t>(64);
  under_signals(&touch_in_handler, [&] {
    for (int round = 0; round < 20 || deliveries < 100; ++round) {
      for (int i = 0; i < 64; ++i) counter[i] = counter[i] + 1;
      ASSERT_EQ(counter[0], counter[63]);
      char copy[512];
      memcpy(copy, const_cast<std::uint64_t*>(counter), sizeof copy);
      ASSERT_EQ(memcmp(copy, copy + 8, 504), 0);
    }
  });
  for (int i = 1; i < 20; ++i) EXPECT_EQ(touched_by_handler[i], touched_by_handler[0]);
  EXPECT_EQ(touched_by_handler[0], static_cast<std::uint64_t>(deliveries));
  EXPECT_THAT(take_findings(), IsEmpty());
}

TEST_F(Program, HandlersMayJumpOutOfAnAccess) {
  touched_by_handler = block<std::uint64_t>(20);
  auto* const bytes = block<volatile char>(4000);
  volatile int jumps = 0;
  under_signals(&jump_from_handler, [&] {
    while (jumps < 100) {
      if (sigsetjmp(back, 1) != 0) jumps = jumps + 1;
      memset(const_cast<char*>(bytes), 7, 4000);
      for (int i = 0; i < 4000; i += 16) bytes[i] = static_cast<char>(bytes[i] + 1);
    }
  });
  EXPECT_EQ(touched_by_handler[0], touched_by_handler[19]);
}

TEST_F(Program, AProgramsOwnFaultIsToldAtItsOwnInstruction) {
  auto* const bytes = block<char>(64);
  // A copy out of the block to nowhere: the fault is in a stub, and is the destination's.
  EXPECT_EQ(in_child([&] {
              memset(bytes, 1, 64);
              asm volatile("rep movsb" : : "S"(bytes), "D"(0x10), "c"(64) : "memory");
              return 0;
            }),
            -SIGSEGV);
  // A misaligned access that the CPU refuses.
  EXPECT_EQ(in_child([&] {
              asm volatile("movaps %0, %%xmm0" : : "m"(bytes[1]) : "xmm0");
              return 0;
            }),
            -SIGSEGV);
}

// --- fork ----------------------------------------------------------------------------------------------------------

TEST_F(Program, AForkedChildHasMemoryOfItsOwn) {
  char* const bytes = block(100);
  char* const large = block(1 << 20);
  char* const budgeted = static_cast<char*>(allocate(100, 64, 0, 5));
  memset(bytes, 1, 100);
  memset(large, 2, 1 << 20);
  memset(budgeted, 3, 100);
  for (int i = 0; i < 10; ++i) budgeted[i] = 3;
  const Pipe to_child, to_parent;
  const pid_t child = fork();
  if (child == 0) {
    // The parent changes its own meanwhile.
    char go = 0;
    if (read(to_child.out(), &go, 1) != 1) _exit(9);
    int wrong = bytes[99] != 1 ? 1 : 0;
    wrong |= large[1 << 19] != 2 || large[(1 << 20) - 1] != 2 ? 2 : 0;
    wrong |= budgeted[50] != 3 ? 4 : 0;
    bytes[0] = 10;
    large[1 << 19] = 11;
    wrong |= release(bytes, 0) != Release::kReleased ? 8 : 0;
    char* const fresh = block(100);
    fresh[99] = 1;
    const volatile char behind = fresh[100];
    wrong |= take_findings().size() != 1 || behind != 0 ? 16 : 0;
    _exit(wrong);
  }
  memset(bytes, 4, 100);
  memset(large, 5, 1 << 20);
  ASSERT_EQ(write(to_child.in(), "x", 1), 1);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(bytes[0], 4);
  EXPECT_EQ(large[1 << 19], 5);
  EXPECT_EQ(usable_size(bytes), 100u);
  release(bytes, 0);
  release(large, 0);
  release(budgeted, 0);
}

TEST_F(Program, ForksOfForksWhileThreadsWork) {
  auto* const counter = block<std::atomic<std::uint64_t>>(1);
  std::atomic<bool> done{false};
  std::thread worker([&] {
    const AlternateStack stack;
    while (!done) {
      counter->fetch_add(1);
      char* const other = block(5000);
      other[4999] = 1;
      release(other, 0);
    }
  });
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(in_child([&] {
                const std::uint64_t before = counter->load();
                const int grandchild = in_child([&] { return counter->fetch_add(1) == before ? 0 : 1; });
                return counter->load() == before ? grandchild : 2;
              }),
              0);
  }
  done = true;
  worker.join();
  release(counter, 0);
}

// --- system calls --------------------------------------------------------------------------------------------------

TEST_F(Program, TheKernelReadsAndWritesWatchedMemory) {
  const Pipe pipe;
  char* const bytes = block(100);
  memcpy(bytes, "written", 7);
  ASSERT_EQ(write(pipe.in(), bytes, 7), 7);
  ASSERT_EQ(read(pipe.out(), bytes + 50, 50), 7);
  EXPECT_EQ(memcmp(bytes + 50, "written", 7), 0);
  EXPECT_EQ(getrandom(bytes, 100, 0), 100);
  struct stat* const status = block<struct stat>(1);
  ASSERT_EQ(fstat(pipe.out(), status), 0);
  EXPECT_TRUE(S_ISFIFO(status->st_mode));
  char* const path = block(20);
  strcpy(path, "/proc/self/maps");
  const int file = open(path, O_RDONLY);
  EXPECT_GE(file, 0);
  close(file);
  EXPECT_THAT(take_findings(), IsEmpty());
  release(bytes, 0);
  release(status, 0);
  release(path, 0);
}

TEST_F(Program, TheKernelFollowsPointersToWatchedMemory) {
  int sockets[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
  char* const bytes = block(100);
  auto* const vectors = block<iovec>(2);
  char plain[10] = "plain";
  memcpy(bytes, "watched", 7);
  vectors[0] = {plain, 5};
  vectors[1] = {bytes, 7};
  ASSERT_EQ(writev(sockets[0], vectors, 2), 12);
  auto* const message = block<msghdr>(1);
  memset(message, 0, sizeof *message);
  vectors[0] = {bytes + 20, 4};
  vectors[1] = {bytes + 30, 8};
  message->msg_iov = vectors;
  message->msg_iovlen = 2;
  ASSERT_EQ(recvmsg(sockets[1], message, 0), 12);
  EXPECT_EQ(memcmp(bytes + 20, "plai", 4), 0);
  EXPECT_EQ(memcmp(bytes + 30, "nwatched", 8), 0);
  ASSERT_EQ(sendmsg(sockets[0], message, 0), 12);
  vectors[0] = {bytes + 50, 12};
  ASSERT_EQ(readv(sockets[1], vectors, 1), 12);
  EXPECT_EQ(memcmp(bytes + 50, "plainwatched", 12), 0);
  EXPECT_THAT(take_findings(), IsEmpty());
  close(sockets[0]);
  close(sockets[1]);
  for (void* const each : {static_cast<void*>(bytes), static_cast<void*>(vectors), static_cast<void*>(message)}) {
    release(each, 0);
  }
}

TEST_F(Program, WhatTheKernelTransfersBeyondABlockIsFound) {
  const Pipe pipe;
  char* const bytes = block(20);
  char plain[100] = {};
  ASSERT_EQ(write(pipe.in(), plain, 20), 20);
  EXPECT_EQ(read(pipe.out(), bytes, 4096), 20);  // room for more is no fault
  EXPECT_THAT(take_findings(), IsEmpty());
  ASSERT_EQ(write(pipe.in(), plain, 21), 21);
  EXPECT_EQ(read(pipe.out(), bytes, 21), 21);
  const auto found = take_findings();
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].access.flags, wire::kAccessWrite | wire::kAccessBySystemCall | wire::kAccessOutOfBounds);
  EXPECT_EQ(found[0].access.width, 21u);
  release(bytes, 0);
  EXPECT_EQ(write(pipe.in(), bytes, 5), 5);
  const auto after_free = take_findings();
  ASSERT_THAT(after_free, SizeIs(1));
  EXPECT_EQ(after_free[0].access.flags, wire::kAccessRead | wire::kAccessBySystemCall | wire::kAccessAfterFree);
}

TEST_F(Program, SystemCallsFailAsTheyWould) {
  char* const bytes = block(20);
  EXPECT_EQ(read(-1, bytes, 20), -1);
  EXPECT_EQ(errno, EBADF);
  const Pipe pipe;
  void* const unmapped = reinterpret_cast<void*>(std::uintptr_t{1} << 20);
  const iovec nowhere{unmapped, 20};
  EXPECT_EQ(pwritev(pipe.in(), &nowhere, 1, 0), -1);
  EXPECT_EQ(errno, ESPIPE);
  EXPECT_EQ(writev(pipe.in(), &nowhere, 1), -1);
  EXPECT_EQ(errno, EFAULT);
  release(bytes, 0);
}

TEST_F(Program, ASignalInterruptsACallOnWatchedMemory) {
  const Pipe pipe;
  char* const bytes = block(20);
  touched_by_handler = block<std::uint64_t>(20);
  under_signals(&touch_in_handler, [&] {
    EXPECT_EQ(read(pipe.out(), bytes, 20), -1);
    EXPECT_EQ(errno, EINTR);
  });
  EXPECT_GT(deliveries, 0);
  release(bytes, 0);
}

TEST_F(Program, ASignalMaskMayLieInWatchedMemory) {
  auto* const set = block<sigset_t>(2);
  sigemptyset(&set[0]);
  sigaddset(&set[0], SIGUSR2);
  ASSERT_EQ(sigprocmask(SIG_BLOCK, &set[0], &set[1]), 0);
  sigset_t now;
  sigprocmask(SIG_BLOCK, nullptr, &now);
  EXPECT_EQ(sigismember(&now, SIGUSR2), 1);
  sigprocmask(SIG_SETMASK, &set[1], nullptr);
  sigprocmask(SIG_BLOCK, nullptr, &now);
  EXPECT_EQ(sigismember(&now, SIGUSR2), 0);
  release(set, 0);
}

// --- libraries -----------------------------------------------------------------------------------------------------

TEST_F(Program, LibcWorksOnWatchedMemory) {
  constexpr std::size_t kCount = 300;
  auto* const numbers = block<int>(kCount);
  for (std::size_t i = 0; i < kCount; ++i) numbers[i] = static_cast<int>((i * 7919) % 1000);
  qsort(numbers, kCount, sizeof(int),
        [](const void* a, const void* b) { return *static_cast<const int*>(a) - *static_cast<const int*>(b); });
  for (std::size_t i = 1; i < kCount; ++i) ASSERT_LE(numbers[i - 1], numbers[i]);
  char* const text = block(64);
  EXPECT_EQ(snprintf(text, 64, "%d %s %.3f", 42, "words", 2.5), 14);
  EXPECT_STREQ(text, "42 words 2.500");
  EXPECT_EQ(strtod(text + 9, nullptr), 2.5);
  memmove(text + 1, text, 30);
  EXPECT_EQ(text[1], '4');
  auto* const large = block(100'000);
  memset(large, 5, 100'000);
  memcpy(large + 50'000, large, 50'000);
  EXPECT_EQ(large[99'999], 5);
  EXPECT_THAT(take_findings(), IsEmpty());
  release(numbers, 0);
  release(text, 0);
  release(large, 0);
}

}  // namespace
}  // namespace segwhy::runtime::exact
