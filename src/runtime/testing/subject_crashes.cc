// Ways to die, one command each.
#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "evidence/wire/session.h"
#include "runtime/testing/subject.h"

namespace segwhy::runtime::testing {
namespace {

int die_of_null(int, char**) {
  printf("%p\n", static_cast<const void*>(faulting_instruction));
  fflush(stdout);
  write_to_null();
  return 0;
}

int die_of_abort(int, char**) {
  abort();
}

int die_of_assert(int argc, char**) {
  assert(argc == 12345 && "the reason");
  return 0;
}

int die_of_free(int, char**) {
  char* volatile inside = static_cast<char*>(malloc(64)) + 16;
  free(inside);
  return 0;
}

int die_of_illegal(int, char**) {
  asm volatile("ud2");
  return 0;
}

int die_of_division(int argc, char**) {
  volatile int zero = argc > 100 ? 1 : 0;
  return 100 / zero;
}

int die_of_trap(int, char**) {
  asm volatile("int3");
  puts("went on");
  return 0;
}

int die_of_wild(int, char**) {
  return *reinterpret_cast<volatile char*>(0x7878787878787878);
}

int die_of_bus(int, char**) {
  const int fd = memfd_create("short", 0);
  auto* const bytes = static_cast<volatile char*>(mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0));
  return bytes[100];
}

int die_of_raise(int argc, char** argv) {
  raise(argument(argc, argv, 0, SIGABRT));
  puts("survived");
  return 0;
}

__attribute__((noinline)) int recurse(int depth) {
  volatile char frame[256];
  frame[0] = static_cast<char>(depth);
  return recurse(depth + 1) + frame[0];
}

int die_of_recursion(int, char**) {
  return recurse(0);
}

void block_everything() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

void* thread_null(void*) {
  write_to_null();
  return nullptr;
}

void* thread_overflow(void*) {
  recurse(0);
  return nullptr;
}

void* thread_blocked(void*) {
  block_everything();
  write_to_null();
  return nullptr;
}

void* thread_abort_blocked(void*) {
  block_everything();
  abort();
}

void crash_late(void*) {
  write_to_null();
}

// A destructor of thread-specific data that crashes: the thread's alternate stack must still be there.
void* thread_destructor(void*) {
  pthread_key_t key = 0;
  pthread_key_create(&key, &crash_late);
  pthread_setspecific(key, &key);
  pthread_exit(nullptr);
}

// Dies on a thread with the smallest stack there is; "own" gives it memory of the program's.
int die_on_thread(int argc, char** argv) {
  const char* const how = argc > 0 ? argv[0] : "null";
  const auto size = static_cast<size_t>(PTHREAD_STACK_MIN);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  if (argc > 1 && strcmp(argv[1], "own") == 0) {
    void* const memory = mmap(nullptr, size * 2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char* const stack = static_cast<char*>(memory) + size;
    mprotect(stack, size, PROT_READ | PROT_WRITE);
    pthread_attr_setstack(&attributes, stack, size);
  } else {
    pthread_attr_setstacksize(&attributes, size);
  }
  void* (*body)(void*) = thread_null;
  if (strcmp(how, "overflow") == 0) body = thread_overflow;
  if (strcmp(how, "blocked") == 0) body = thread_blocked;
  if (strcmp(how, "abort-blocked") == 0) body = thread_abort_blocked;
  if (strcmp(how, "destructor") == 0) body = thread_destructor;
  pthread_t thread{};
  if (pthread_create(&thread, &attributes, body, nullptr) != 0) return 3;
  pthread_join(thread, nullptr);
  return 0;
}

pthread_barrier_t together;

void* crash_together(void*) {
  pthread_barrier_wait(&together);
  write_to_null();
  return nullptr;
}

int die_on_two_threads(int, char**) {
  pthread_barrier_init(&together, nullptr, 2);
  pthread_t threads[2];
  for (pthread_t& thread : threads) pthread_create(&thread, nullptr, &crash_together, nullptr);
  for (const pthread_t thread : threads) pthread_join(thread, nullptr);
  return 0;
}

// With threads that wait in known ways: blocked in read, blocked with all signals blocked.
void* wait_for_input(void*) {
  pthread_barrier_wait(&together);
  char byte = 0;
  return read(0, &byte, 1) == 0 ? nullptr : &together;
}

void* wait_masked(void*) {
  block_everything();
  return wait_for_input(nullptr);
}

int die_among_threads(int, char**) {
  int ends[2];
  if (pipe(ends) != 0) return 3;
  dup2(ends[0], 0);
  pthread_barrier_init(&together, nullptr, 4);
  pthread_t threads[3];
  pthread_create(&threads[0], nullptr, &wait_for_input, nullptr);
  pthread_create(&threads[1], nullptr, &wait_for_input, nullptr);
  pthread_create(&threads[2], nullptr, &wait_masked, nullptr);
  pthread_barrier_wait(&together);
  write_to_null();
  return 0;
}

void fault_in_handler(int) {
  write_to_null();
}

// A handler of another signal, with everything blocked meanwhile, that faults.
int die_in_handler(int, char**) {
  struct sigaction action {};
  action.sa_handler = &fault_in_handler;
  sigfillset(&action.sa_mask);
  sigaction(SIGUSR1, &action, nullptr);
  raise(SIGUSR1);
  return 0;
}

// The session's mapping in this process, null without one.
char* find_session() {
  char line[512];
  FILE* const maps = fopen("/proc/self/maps", "r");
  unsigned long begin = 0;
  while (maps != nullptr && fgets(line, sizeof line, maps) != nullptr) {
    if (strstr(line, "memfd:segwhy-test") != nullptr && sscanf(line, "%lx", &begin) == 1) break;
  }
  return reinterpret_cast<char*>(begin);
}

// The session's memory vanishes under the runtime. argv: the new protection, -1 to unmap; the signal to raise.
int die_without_session(int argc, char** argv) {
  const int protection = argument(argc, argv, 0, -1);
  char* const session = find_session();
  (void)(protection < 0 ? munmap(session, sizeof(wire::Session))
                        : mprotect(session, sizeof(wire::Session), protection));
  raise(argument(argc, argv, 1, SIGABRT));
  return 0;
}

// The part of the first crash record that thread registers go to cannot be written.
int die_without_thread_table(int, char**) {
  const size_t at = offsetof(wire::Session, crashes) + offsetof(wire::CrashRecord, threads);
  mprotect(find_session() + ((at + 4095) & ~size_t{4095}), 4096, PROT_READ);
  abort();
}

int die_on_tiny_alternate_stack(int, char**) {
  static char memory[2048];
  const stack_t tiny{memory, 0, sizeof memory};
  sigaltstack(&tiny, nullptr);
  abort();
}

}  // namespace

const Command kCrashCommands[] = {
    {"null", die_of_null},
    {"abort", die_of_abort},
    {"assert", die_of_assert},
    {"free", die_of_free},
    {"illegal", die_of_illegal},
    {"divide", die_of_division},
    {"trap", die_of_trap},
    {"wild", die_of_wild},
    {"bus", die_of_bus},
    {"raise", die_of_raise},
    {"recurse", die_of_recursion},
    {"thread", die_on_thread},
    {"two-threads", die_on_two_threads},
    {"among-threads", die_among_threads},
    {"in-handler", die_in_handler},
    {"without-session", die_without_session},
    {"without-thread-table", die_without_thread_table},
    {"tiny-altstack", die_on_tiny_alternate_stack},
    {nullptr, nullptr},
};

}  // namespace segwhy::runtime::testing
