// What a watched access costs. Prints nanoseconds; nothing is asserted.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "runtime/exact/exact.h"
#include "runtime/exact/testing/harness.h"

namespace segwhy::runtime::exact {
namespace {

[[nodiscard]] double now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// The best of several runs: what others do on the machine only adds.
template <typename Work>
void measure(const char* what, int rounds, const Work& work) {
  double best = 1e18;
  for (int run = 0; run < 7; ++run) {
    const double begin = now_ns();
    for (int i = 0; i < rounds; ++i) work();
    const double each = (now_ns() - begin) / rounds;
    if (each < best) best = each;
  }
  printf("%-40s %8.0f ns\n", what, best);
}

// The floor: a page fault, a handler that does nothing, and the way back. Before exact mode takes the signal.
void measure_empty_handler() {
  struct sigaction action {};
  action.sa_sigaction = [](int, siginfo_t*, void* raw) {
    static_cast<ucontext_t*>(raw)->uc_mcontext.gregs[REG_RIP] += 2;
  };
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigaction(SIGSEGV, &action, nullptr);
  measure("fault with an empty handler", 20'000, [] {
    const void* nowhere = nullptr;
    asm volatile("movb (%0), %%al" : "+a"(nowhere));  // two bytes
  });
}

void measure_accesses() {
  auto* const bytes = static_cast<volatile char*>(allocate(4096, 64, 0));
  auto* const target = static_cast<char*>(allocate(4096, 64, 0));
  char plain[1024];
  measure("load of 8 bytes", 20'000, [&] { (void)*reinterpret_cast<volatile long*>(bytes); });
  measure("store of 8 bytes", 20'000, [&] { *reinterpret_cast<volatile long*>(bytes) = 1; });
  measure("lock add", 20'000,
          [&] { __atomic_fetch_add(reinterpret_cast<volatile long*>(bytes), 1, __ATOMIC_RELAXED); });
  measure("rep movsb of 1 KiB to elsewhere", 10'000, [&] {
    void* to = plain;
    volatile const void* from = bytes;
    std::size_t count = 1024;
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
  });
  measure("memcpy of 1 KiB to another watched block", 2'000,
          [&] { memcpy(target, const_cast<const char*>(bytes), 1024); });
  if (__builtin_cpu_supports("avx2")) {
    measure("vpgatherdd of 8 elements", 10'000, [&] {
      asm volatile(
          "vpcmpeqd %%ymm1, %%ymm1, %%ymm1\n vpxor %%xmm2, %%xmm2, %%xmm2\n vpgatherdd %%ymm1, (%0, %%ymm2, 4), %%ymm0"
          :
          : "r"(bytes)
          : "xmm0", "xmm1", "xmm2", "memory");
    });
  }
  release(const_cast<char*>(bytes), 0);
  release(target, 0);
}

void measure_blocks() {
  measure("allocate and release 100 bytes", 2'000, [] { release(allocate(100, 64, 0), 0); });
  measure("allocate and release 1 MiB", 500, [] { release(allocate(1 << 20, 64, 0), 0); });
}

}  // namespace
}  // namespace segwhy::runtime::exact

int main() {
  using namespace segwhy::runtime::exact;
  measure("getppid before the filter", 100'000, [] { syscall(SYS_getppid); });
  measure_empty_handler();
  testing::start_exact();
  measure("getppid under the filter", 100'000, [] { syscall(SYS_getppid); });
  measure_accesses();
  measure_blocks();
  return 0;
}
