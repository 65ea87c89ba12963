// Signal system calls in the kernel's own types: masks as 64-bit words, bit n-1 for signal n. Async-signal-safe.
#pragma once

#include <signal.h>
#include <string.h>

#include "runtime/pal/syscall.h"

namespace segwhy::runtime::pal {

using SignalMask = uint64_t;

[[nodiscard]] constexpr SignalMask signal_bit(int signal) {
  return SignalMask{1} << (signal - 1);
}

inline constexpr int kMaxSignal = 64;
inline constexpr SignalMask kAllSignals = ~SignalMask{0};

// glibc's sigset_t is larger than the kernel's mask; only its first word is ever used on 64-bit Linux.
[[nodiscard]] inline SignalMask to_mask(const sigset_t& set) {
  SignalMask mask = 0;
  memcpy(&mask, &set, sizeof mask);
  return mask;
}

// Leaves the rest of `set` alone, as the kernel and glibc do.
inline void store_mask(sigset_t& set, SignalMask mask) {
  memcpy(&set, &mask, sizeof mask);
}

// struct sigaction as the kernel defines it (x86-64).
struct KernelAction {
  uintptr_t handler;
  uint64_t flags;
  uintptr_t restorer;
  SignalMask mask;
};

inline constexpr uint64_t kSaRestorer = 0x04000000;

inline long set_kernel_action(int signal, const KernelAction* action, KernelAction* old = nullptr) {
  return syscall(SYS_rt_sigaction, signal, action, old, sizeof(SignalMask));
}

inline void set_default_action(int signal) {
  const KernelAction action{};
  set_kernel_action(signal, &action);
}

[[nodiscard]] inline SignalMask current_mask() {
  SignalMask mask = 0;
  syscall(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, &mask, sizeof mask);
  return mask;
}

// `how` as in sigprocmask; returns the mask before.
inline SignalMask change_mask(int how, SignalMask set) {
  SignalMask old = 0;
  syscall(SYS_rt_sigprocmask, how, &set, &old, sizeof set);
  return old;
}

// Sends to one thread of this process, with siginfo as given: the kernel allows any si_code towards oneself.
inline long queue_to_thread(uint32_t tid, int signal, const siginfo_t* info) {
  return syscall(SYS_rt_tgsigqueueinfo, process_id(), tid, signal, info);
}

inline long queue_to_process(int signal, const siginfo_t* info) {
  return syscall(SYS_rt_sigqueueinfo, process_id(), signal, info);
}

inline long send_to_thread(uint32_t tid, int signal) {
  return syscall(SYS_tgkill, process_id(), tid, signal);
}

inline long set_signal_stack(const stack_t* stack, stack_t* old = nullptr) {
  return syscall(SYS_sigaltstack, stack, old);
}

// Blocks every signal while it lives: no handler of the application runs in between.
class SignalGuard {
 public:
  SignalGuard() : saved_(change_mask(SIG_SETMASK, kAllSignals)) {}
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;
  ~SignalGuard() { change_mask(SIG_SETMASK, saved_); }

 private:
  SignalMask saved_;
};

}  // namespace segwhy::runtime::pal
