// Functions that crash, for the programs beside this folder; built by tests/python/test_crashers.py. Each is called
// through ctypes on purpose: a real extension module would hide nothing, but need a build per Python.
#include <pthread.h>
#include <setjmp.h>
#include <unistd.h>

#include <cassert>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace {

volatile int sink;

struct Pool {
  std::thread* worker = nullptr;
  int* queue = nullptr;
};
Pool pool;

// The pool's registration that a child of fork drops, as OpenBLAS and gRPC do.
void forget_in_child() {
  pool.queue = nullptr;
}

struct CrashesAtExit {
  bool armed = false;
  ~CrashesAtExit() {
    if (armed) *static_cast<volatile int*>(nullptr) = 1;
  }
};
CrashesAtExit crashes_at_exit;
std::thread static_thread;

sigjmp_buf rescue;
void jump_back(int) {
  siglongjmp(rescue, 1);
}

}  // namespace

extern "C" {

void write_string_literal() {
  char* text = const_cast<char*>("a literal");
  *static_cast<volatile char*>(text) = 'A';
}

// NOLINTNEXTLINE(misc-no-recursion)
__attribute__((noinline)) int recurse(int n) {
  volatile char frame[512];
  frame[0] = static_cast<char>(n);
  const int deeper = recurse(n + 1);
  return deeper + frame[0];
}

void* recurse_thread(void*) {
  sink = recurse(0);
  return nullptr;
}

void recurse_in_small_thread() {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 * 1024);
  pthread_t thread;
  pthread_create(&thread, &attributes, recurse_thread, nullptr);
  pthread_join(thread, nullptr);
}

void fail_assertion(int rows) {
  assert(rows % 2 == 0 && "rows come in pairs");
}

__attribute__((noinline, optimize("no-tree-loop-distribute-patterns"))) void smash_stack(int bytes) {
  volatile char buffer[16];
  for (int i = 0; i < bytes; ++i) buffer[i] = 'A';
  sink = buffer[0];
}

__attribute__((noinline)) void overflow_fortified(int bytes) {
  char buffer[16];
  memset(buffer, 'A', static_cast<size_t>(bytes));
  sink = buffer[3];
}

void throw_range_error() {
  throw std::range_error("index 7 of 3");
}

void allocate_too_much() {
  sink = *new char[static_cast<size_t>(1) << 62];
}

int divide(int a, int b) {
  return a / b;
}

void breakpoint_trap() {
  __asm__ volatile("int3");
}

void crash_when_destroyed() {
  crashes_at_exit.armed = true;
}

void start_static_thread() {
  static_thread = std::thread([] {
    for (;;) pause();
  });
}

void start_pool() {
  pool.queue = new int(0);
  pool.worker = new std::thread([] {
    for (;;) pause();
  });
  pthread_atfork(nullptr, nullptr, forget_in_child);
}

// The thread that lock_both_ways() makes takes the same mutexes the other way around.
void lock_both_ways() {
  static std::mutex first, second;
  static pthread_barrier_t both_hold_one;
  pthread_barrier_init(&both_hold_one, nullptr, 2);
  std::thread([] {
    second.lock();
    pthread_barrier_wait(&both_hold_one);
    first.lock();
  }).detach();
  first.lock();
  pthread_barrier_wait(&both_hold_one);
  second.lock();
}

void use_pool() {
  *static_cast<volatile int*>(pool.queue) = 1;
}

void survive_fault() {
  struct sigaction action = {}, before = {};
  action.sa_handler = jump_back;
  action.sa_flags = SA_NODEFER;
  sigaction(SIGSEGV, &action, &before);
  if (sigsetjmp(rescue, 1) == 0) *static_cast<volatile int*>(nullptr) = 1;
  sigaction(SIGSEGV, &before, nullptr);
}

}  // extern "C"
