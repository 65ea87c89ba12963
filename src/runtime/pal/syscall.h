// System calls without libc: no errno, no cancellation point, no interposed symbol. Async-signal-safe.
// Results are the kernel's: -errno on failure.
#pragma once

#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>

namespace segwhy::runtime::pal {

template <typename T>
[[nodiscard]] inline long as_word(T value) {
  return static_cast<long>(value);
}

template <typename T>
[[nodiscard]] inline long as_word(T* value) {
  return reinterpret_cast<long>(value);
}

[[nodiscard]] inline long as_word(decltype(nullptr)) {
  return 0;
}

inline long raw_syscall(long number, long a, long b, long c, long d, long e, long f) {
  long result = 0;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

template <typename A = long, typename B = long, typename C = long, typename D = long, typename E = long,
          typename F = long>
inline long syscall(long number, A a = 0, B b = 0, C c = 0, D d = 0, E e = 0, F f = 0) {
  return raw_syscall(number, as_word(a), as_word(b), as_word(c), as_word(d), as_word(e), as_word(f));
}

[[nodiscard]] inline uint32_t process_id() {
  return static_cast<uint32_t>(syscall(SYS_getpid));
}
[[nodiscard]] inline uint32_t parent_process_id() {
  return static_cast<uint32_t>(syscall(SYS_getppid));
}
[[nodiscard]] inline uint32_t thread_id() {
  return static_cast<uint32_t>(syscall(SYS_gettid));
}

[[nodiscard]] inline uint64_t monotonic_ns() {
  timespec now{};
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

// The base address of a segment register (ARCH_GET_FS, ARCH_GET_GS), 0 when the kernel refuses.
[[nodiscard]] inline uint64_t segment_base(int which) {
  uint64_t base = 0;
  return syscall(SYS_arch_prctl, which, &base) == 0 ? base : 0;
}

}  // namespace segwhy::runtime::pal
