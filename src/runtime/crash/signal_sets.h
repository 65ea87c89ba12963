// Which signals the runtime takes part in, and the shadow signals that stand for blocked synchronous ones.
//
// A synchronous signal (a fault of the running instruction) kills without any handler when it is blocked, so the
// runtime never lets the application block one for real. What the application asked for must still be known, and
// must follow the mask wherever the kernel takes it: back out of a handler, through siglongjmp, into a ucontext. So
// the kernel's own mask carries it: while the application blocks synchronous signal number i of the list, real-time
// signal kFirstShadow + i is blocked in the kernel. (A program that uses those six itself has them delayed while it
// blocks the synchronous one; masks.h says how the two uses are told apart.)
#pragma once

#include "runtime/pal/signals.h"

namespace segwhy::runtime {

using pal::signal_bit;
using pal::SignalMask;

inline constexpr int kSynchronousSignals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
inline constexpr int kSynchronousCount = sizeof(kSynchronousSignals) / sizeof(kSynchronousSignals[0]);

// Signals that report a crash: handed over whether or not the application handles them.
inline constexpr int kCrashSignals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGABRT};

// Signals that end a program from outside or by a timer, handled only while their action is the default one: the
// ways in which hung or overdue programs are killed (kill, timeout, batch systems, a closed terminal, alarm(),
// RLIMIT_CPU, Ctrl-\). Not SIGINT and SIGPIPE: people and pipelines end healthy programs with them all the time.
inline constexpr int kTerminatingSignals[] = {SIGTERM, SIGHUP,  SIGQUIT, SIGALRM,  SIGXCPU,
                                              SIGUSR1, SIGUSR2, SIGPROF, SIGVTALRM};

inline constexpr int kFirstShadow = 57;

template <size_t N>
[[nodiscard]] constexpr SignalMask mask_of(const int (&signals)[N]) {
  SignalMask mask = 0;
  for (const int signal : signals) mask |= signal_bit(signal);
  return mask;
}

inline constexpr SignalMask kSynchronousMask = mask_of(kSynchronousSignals);
inline constexpr SignalMask kCrashMask = mask_of(kCrashSignals);
inline constexpr SignalMask kTerminatingMask = mask_of(kTerminatingSignals);
inline constexpr SignalMask kShadowMask = ((SignalMask{1} << kSynchronousCount) - 1) << (kFirstShadow - 1);

// The mask that the runtime's handlers run with: nothing but a fault of their own may interrupt them.
inline constexpr SignalMask kHandlerMask = ~kSynchronousMask;

[[nodiscard]] constexpr bool in_mask(SignalMask mask, int signal) {
  return (mask & signal_bit(signal)) != 0;
}

// The shadows of the synchronous signals in `mask`.
[[nodiscard]] constexpr SignalMask shadows_of(SignalMask mask) {
  SignalMask shadows = 0;
  for (int i = 0; i < kSynchronousCount; ++i) {
    if (in_mask(mask, kSynchronousSignals[i])) shadows |= signal_bit(kFirstShadow + i);
  }
  return shadows;
}

// The synchronous signals whose shadows are in `mask`.
[[nodiscard]] constexpr SignalMask shadowed_by(SignalMask mask) {
  SignalMask signals = 0;
  for (int i = 0; i < kSynchronousCount; ++i) {
    if (in_mask(mask, kFirstShadow + i)) signals |= signal_bit(kSynchronousSignals[i]);
  }
  return signals;
}

}  // namespace segwhy::runtime
