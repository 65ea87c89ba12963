// What a program can see of its signal actions, masks and alternate stacks. The output must be the same with and
// without the runtime.
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <initializer_list>

#include "runtime/testing/subject.h"

namespace segwhy::runtime::testing {
namespace {

void some_handler(int) {}
void other_handler(int, siginfo_t*, void*) {}

const char* name_of(const struct sigaction& action) {
  if (action.sa_handler == SIG_DFL) return "default";
  if (action.sa_handler == SIG_IGN) return "ignore";
  if (action.sa_handler == &some_handler) return "some";
  return action.sa_sigaction == &other_handler ? "other" : "unknown";
}

void print_set(const sigset_t& set) {
  for (int number = 1; number <= 64; ++number) putchar(sigismember(&set, number) == 1 ? '1' : '0');
  putchar('\n');
}

void print_action(int signal) {
  struct sigaction action {};
  const int result = sigaction(signal, nullptr, &action);
  printf("%d: %d %s %x ", signal, result, name_of(action), static_cast<unsigned>(action.sa_flags));
  print_set(action.sa_mask);
}

void print_actions() {
  for (int signal = 0; signal <= 66; ++signal) {
    if (signal != 32 && signal != 33) print_action(signal);
  }
}

void print_mask() {
  sigset_t mask;
  sigemptyset(&mask);
  printf("mask %d ", pthread_sigmask(SIG_BLOCK, nullptr, &mask));
  print_set(mask);
}

const char* name_of(__sighandler_t handler) {
  if (handler == SIG_ERR) return "error";
  if (handler == SIG_HOLD) return "hold";
  struct sigaction action {};
  action.sa_handler = handler;
  return name_of(action);
}

int view_actions(int, char**) {
  print_actions();
  for (int signal = 1; signal <= 64; ++signal) {
    struct sigaction action {};
    action.sa_sigaction = &other_handler;
    action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    sigfillset(&action.sa_mask);
    struct sigaction old {};
    errno = 0;
    const int result = sigaction(signal, &action, &old);
    printf("%d: %d %d %s\n", signal, result, errno, name_of(old));
  }
  print_actions();
  for (int signal = 1; signal <= 64; ++signal) {
    printf("%d: %s\n", signal, name_of(::signal(signal, signal % 3 == 0 ? SIG_IGN : SIG_DFL)));
  }
  print_actions();
  return 0;
}

// The older calls, on signals of each kind.
int view_old_calls(int, char**) {
  for (const int number : {SIGWINCH, SIGSEGV, SIGABRT, SIGTERM, SIGUSR1, SIGCHLD, SIGKILL, SIGRTMIN, 0, 99}) {
    errno = 0;
    printf("%d\n%s\n", number, name_of(signal(number, &some_handler)));
    print_action(number);
    printf("interrupt %d\n", siginterrupt(number, 1));
    print_action(number);
    printf("%s\n", name_of(signal(number, &some_handler)));
    print_action(number);
    printf("interrupt %d\n", siginterrupt(number, 0));
    printf("%s\n", name_of(sysv_signal(number, &some_handler)));
    print_action(number);
    printf("%s\n", name_of(ssignal(number, SIG_DFL)));
    printf("ignore %d\n", sigignore(number));
    print_action(number);
    printf("%s\n", name_of(sigset(number, SIG_HOLD)));
    print_mask();
    printf("%s\n", name_of(sigset(number, &some_handler)));
    print_mask();
    print_action(number);
    printf("hold %d\n", sighold(number));
    print_mask();
    printf("%s\n", name_of(sigset(number, SIG_DFL)));
    printf("hold %d\n", sighold(number));
    printf("release %d\n", sigrelse(number));
    print_mask();
    printf("errno %d\n", errno);
  }
  return 0;
}

void* print_inherited(void*) {
  print_mask();
  return nullptr;
}

void print_mask_of_thread() {
  pthread_t thread{};
  pthread_create(&thread, nullptr, &print_inherited, nullptr);
  pthread_join(thread, nullptr);
}

int view_masks(int, char**) {
  unsigned state = 12345;
  sigset_t old;
  for (int round = 0; round < 300; ++round) {
    sigset_t set;
    sigemptyset(&set);
    for (int number = 1; number <= 64; ++number) {
      state = state * 1664525 + 1013904223;
      const bool mostly_full = round % 5 == 0;
      if (number != 32 && number != 33 && ((state >> 20) % 4 == 0 || mostly_full)) sigaddset(&set, number);
    }
    const int how = round % 3 == 0 ? SIG_BLOCK : round % 3 == 1 ? SIG_UNBLOCK : SIG_SETMASK;
    sigemptyset(&old);
    printf("%d ", round % 2 == 0 ? pthread_sigmask(how, &set, &old) : sigprocmask(how, &set, &old));
    print_set(old);
    if (round % 50 == 0) print_mask_of_thread();
  }
  errno = 0;
  printf("%d", sigprocmask(42, &old, nullptr));
  printf(" %d\n", errno);
  printf("%d %d\n", pthread_sigmask(42, &old, nullptr), sigprocmask(42, nullptr, nullptr));
  return 0;
}

void print_stack() {
  stack_t stack{};
  const int result = sigaltstack(nullptr, &stack);
  printf("altstack %d %p %x %zu\n", result, stack.ss_sp, static_cast<unsigned>(stack.ss_flags), stack.ss_size);
}

int view_alternate_stacks(int, char**) {
  print_stack();
  static char memory[64 * 1024];
  auto* const fixed = reinterpret_cast<char*>(0x10000);  // never used, so that the output is the same in each run
  for (const size_t size : {size_t{0}, size_t{100}, size_t{2048}, size_t{8192}, size_t{65536}}) {
    stack_t old{};
    const stack_t stack{fixed, 0, size};
    errno = 0;
    const int result = sigaltstack(&stack, &old);
    printf("%zu: %d %d %p %zu\n", size, result, errno, old.ss_sp, old.ss_size);
    print_stack();
  }
  const stack_t none{nullptr, SS_DISABLE, 0};
  printf("%d\n", sigaltstack(&none, nullptr));
  print_stack();
  const stack_t odd{fixed, 0x77, 65536};
  printf("%d\n", sigaltstack(&odd, nullptr));
  stack_t real{memory, 0, sizeof memory};
  sigaltstack(&real, nullptr);
  struct sigaction action {};
  action.sa_handler = [](int) {
    stack_t stack{};
    sigaltstack(nullptr, &stack);
    printf("in handler %x %zu\n", static_cast<unsigned>(stack.ss_flags), stack.ss_size);
    printf("%d\n", sigaltstack(&stack, nullptr));
  };
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGUSR1, &action, nullptr);
  raise(SIGUSR1);
  sigaction(SIGSEGV, &action, nullptr);
  raise(SIGSEGV);
  return 0;
}

// Initial actions and mask: what came through exec.
int view_initial(int, char**) {
  print_actions();
  print_mask();
  return 0;
}

}  // namespace

const Command kViewCommands[] = {
    {"view-actions", view_actions}, {"view-old-calls", view_old_calls},
    {"view-masks", view_masks},     {"view-altstacks", view_alternate_stacks},
    {"view-initial", view_initial}, {nullptr, nullptr},
};

}  // namespace segwhy::runtime::testing
