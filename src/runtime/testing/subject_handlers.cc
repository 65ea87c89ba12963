// Programs with signal handlers of their own for faults.
#include <errno.h>
#include <fenv.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "runtime/testing/subject.h"

namespace segwhy::runtime::testing {
namespace {

sigjmp_buf recovery;
volatile int handled;

void say(const char* text) {
  (void)!write(1, text, strlen(text));
}

void install(int signal, void (*handler)(int, siginfo_t*, void*), int flags, bool fill_mask) {
  struct sigaction action {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | flags;
  if (fill_mask) sigfillset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

void jump_back(int, siginfo_t*, void*) {
  handled = handled + 1;
  siglongjmp(recovery, 1);
}

__attribute__((noinline)) void fault_at_depth(int depth) {
  volatile char frame[512];
  frame[0] = 1;
  if (depth == 0) {
    write_to_null();
  } else {
    fault_at_depth(depth - 1);
  }
  frame[1] = 1;
}

// Recovers from a fault again and again, at changing depths. argv: rounds, whether sa_mask is filled.
int recover(int argc, char** argv) {
  const int rounds = argument(argc, argv, 0, 1000);
  install(SIGSEGV, &jump_back, SA_ONSTACK, argument(argc, argv, 1, 0) != 0);
  timespec begin{}, end{};
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (volatile int i = 0; i < rounds; i = i + 1) {
    if (sigsetjmp(recovery, 1) == 0) fault_at_depth((i * 7) % 40);
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  const long long ns = (end.tv_sec - begin.tv_sec) * 1'000'000'000LL + (end.tv_nsec - begin.tv_nsec);
  fprintf(stderr, "%lld\n", ns / rounds);
  printf("recovered %d\n", handled);
  return 0;
}

// setjmp without the mask: the signal stays blocked, so the second fault kills.
int recover_without_mask(int, char**) {
  install(SIGSEGV, &jump_back, 0, false);
  for (volatile int i = 0; i < 2; i = i + 1) {
    if (sigsetjmp(recovery, 0) == 0) write_to_null();
    say("recovered\n");
  }
  return 0;
}

void skip_instruction(int, siginfo_t*, void* raw) {
  handled = handled + 1;
  auto* const context = static_cast<ucontext_t*>(raw);
  context->uc_mcontext.gregs[REG_RIP] += 11;  // the length of the faulting movl
}

// Returns from the handler behind the instruction, as virtual machines do; all registers must survive.
int skip(int argc, char** argv) {
  const int rounds = argument(argc, argv, 0, 1000);
  install(SIGSEGV, &skip_instruction, argument(argc, argv, 1, 0) != 0 ? SA_ONSTACK : 0, true);
  double sum = 0;
  fesetround(FE_UPWARD);
  for (int i = 0; i < rounds; ++i) {
    register double kept asm("xmm9") = i;
    asm volatile("call write_to_null" : "+x"(kept) : : "memory");
    sum += kept;
  }
  sigset_t now;
  pthread_sigmask(SIG_BLOCK, nullptr, &now);
  printf("skipped %d, sum %.0f, rounding %d, SEGV blocked %d\n", handled, sum, fegetround() == FE_UPWARD,
         sigismember(&now, SIGSEGV));
  return 0;
}

char own_stack[64 * 1024];
void* low_of_thread_stack;

const char* place_of(const void* address) {
  const char* const at = static_cast<const char*>(address);
  if (at >= own_stack && at < own_stack + sizeof own_stack) return "own alternate stack";
  const char* const low = static_cast<const char*>(low_of_thread_stack);
  return at > low && at < low + (8 << 20) ? "interrupted stack" : "elsewhere";
}

// Prints everything a handler can see of how it was entered.
void inspect(int signal, siginfo_t* info, void* raw) {
  const int entry_errno = errno;
  const auto* const context = static_cast<const ucontext_t*>(raw);
  sigset_t now;
  sigemptyset(&now);
  pthread_sigmask(SIG_BLOCK, nullptr, &now);
  char text[512];
  const bool sent = info->si_code <= 0;
  snprintf(text, sizeof text, "signal %d code %d address %p sender %d errno %d stack: %s pc %d\n", signal,
           info->si_code, sent ? nullptr : info->si_addr, sent && info->si_pid == getpid(), entry_errno,
           place_of(__builtin_frame_address(0)),
           context->uc_mcontext.gregs[REG_RIP] == reinterpret_cast<greg_t>(faulting_instruction));
  say(text);
  for (int number = 1; number <= 64; ++number) say(sigismember(&now, number) == 1 ? "1" : "0");
  say("\n");
  for (int number = 1; number <= 64; ++number) say(sigismember(&context->uc_sigmask, number) == 1 ? "1" : "0");
  say("\n");
  struct sigaction action {};
  sigaction(signal, nullptr, &action);
  say(action.sa_sigaction == &inspect ? "still set\n" : "reset\n");
  say(fegetround() == FE_TONEAREST ? "default rounding\n" : "inherited rounding\n");
  _exit(42);
}

// argv: flags, whether to give an alternate stack, signal to raise instead of the fault, a signal for sa_mask.
int inspect_handler(int argc, char** argv) {
  char here = 0;
  low_of_thread_stack = &here - (4 << 20);
  if (argument(argc, argv, 1, 0) != 0) {
    const stack_t stack{own_stack, 0, sizeof own_stack};
    sigaltstack(&stack, nullptr);
  }
  const int signal = argument(argc, argv, 2, 0);
  struct sigaction action {};
  action.sa_sigaction = &inspect;
  action.sa_flags = SA_SIGINFO | argument(argc, argv, 0, 0);
  sigaddset(&action.sa_mask, SIGTERM);
  sigaddset(&action.sa_mask, argument(argc, argv, 3, SIGBUS));
  sigaction(signal != 0 ? signal : SIGSEGV, &action, nullptr);
  fesetround(FE_UPWARD);
  errno = 77;
  if (signal != 0) {
    raise(signal);
  } else {
    write_to_null();
  }
  return 0;
}

void plain_handler(int signal) {
  say("plain handler\n");
  _exit(signal);
}

int handle_simply(int, char**) {
  signal(SIGSEGV, &plain_handler);
  write_to_null();
  return 0;
}

struct sigaction previous;

// As faulthandler does: report, put the previous action back, raise again.
void report_and_raise(int signal, siginfo_t*, void*) {
  say("reported\n");
  sigaction(signal, &previous, nullptr);
  raise(signal);
}

// As crash reporters do: put the default action back and return to the fault.
void report_and_return(int signal, siginfo_t*, void*) {
  say("reported\n");
  ::signal(signal, SIG_DFL);
}

int report(int argc, char** argv) {
  const bool raises = argument(argc, argv, 0, 0) != 0;
  struct sigaction action {};
  action.sa_sigaction = raises ? &report_and_raise : &report_and_return;
  action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
  sigaction(SIGSEGV, &action, &previous);
  write_to_null();
  return 0;
}

void fault_again(int, siginfo_t*, void*) {
  say("handler\n");
  write_to_null();
}

// A handler that faults itself. argv: flags (SA_NODEFER would recurse).
int fault_in_own_handler(int argc, char** argv) {
  install(SIGSEGV, &fault_again, argument(argc, argv, 0, 0), false);
  write_to_null();
  return 0;
}

int fault_while_blocked(int, char**) {
  install(SIGSEGV, &fault_again, 0, false);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGSEGV);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  write_to_null();
  return 0;
}

void count(int) {
  handled = handled + 1;
}

// A synchronous signal that is sent while it is blocked stays pending until it is unblocked.
int send_while_blocked(int, char**) {
  signal(SIGFPE, &count);
  sigset_t set, pending;
  sigemptyset(&set);
  sigaddset(&set, SIGFPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  raise(SIGFPE);
  kill(getpid(), SIGFPE);
  sigpending(&pending);
  printf("handled %d pending %d\n", handled, sigismember(&pending, SIGFPE));
  int waited = 0;
  sigwait(&set, &waited);
  printf("waited %d\n", waited == SIGFPE);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  printf("handled %d\n", handled);
  return 0;
}

// The interrupted stack has no room for a frame, and the handler is not on an alternate one: the kernel kills.
void exhaust_stack(int depth) {
  volatile char frame[4096];
  frame[0] = static_cast<char>(depth);
  exhaust_stack(depth + 1);
  frame[1] = 1;
}

int overflow_without_alternate(int, char**) {
  install(SIGSEGV, &inspect, 0, false);
  exhaust_stack(0);
  return 0;
}

}  // namespace

const Command kHandlerCommands[] = {
    {"recover", recover},
    {"recover-without-mask", recover_without_mask},
    {"skip", skip},
    {"inspect", inspect_handler},
    {"handle-simply", handle_simply},
    {"report", report},
    {"fault-in-own-handler", fault_in_own_handler},
    {"fault-while-blocked", fault_while_blocked},
    {"send-while-blocked", send_while_blocked},
    {"overflow-without-alternate", overflow_without_alternate},
    {nullptr, nullptr},
};

}  // namespace segwhy::runtime::testing
