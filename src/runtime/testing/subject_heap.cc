// The heap, used well in every way and badly in each way: what is printed by the former must not depend on the runtime.
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <initializer_list>

#include "runtime/testing/subject.h"

namespace segwhy::runtime::testing {
namespace {

constexpr size_t kSizes[] = {1,     24,    63,    64,     65,     4000,    4096,   4097,
                             65535, 65536, 70000, 262144, 262145, 1 << 20, 5 << 20};

void* aligned(size_t alignment, size_t size) {
  void* block = nullptr;
  return posix_memalign(&block, alignment, size) == 0 ? block : nullptr;
}

void check(const char* what, size_t size, bool right) {
  printf("%s %zu %s\n", what, size, right ? "right" : "WRONG");
}

void use_size(size_t size) {
  errno = 77;
  for (const size_t alignment : {16u, 32u, 64u, 128u, 2048u, 4096u, 65536u}) {
    auto* const block = static_cast<unsigned char*>(aligned(alignment, size));
    check("aligned", alignment, reinterpret_cast<uintptr_t>(block) % alignment == 0);
    memset(block, 0xa5, size);
    check("usable", size, malloc_usable_size(block) >= size && all_bytes(block, size, 0xa5));
    free(block);
  }
  auto* const dirty = static_cast<unsigned char*>(malloc(size));
  memset(dirty, 0xff, size);
  free(dirty);
  auto* const zeroed = static_cast<unsigned char*>(calloc(size, 1));
  check("zeroed", size, all_bytes(zeroed, size, 0));
  free(zeroed);
  check("errno", size, errno == 77);
}

void resize(size_t from, size_t to) {
  auto* block = static_cast<unsigned char*>(malloc(from));
  memset(block, 0x3c, from);
  block = static_cast<unsigned char*>(realloc(block, to));
  check("resized", to, all_bytes(block, from < to ? from : to, 0x3c) && malloc_usable_size(block) >= to);
  memset(block, 0x11, to);
  free(block);
}

// Every function at every size, and what they do with senseless arguments.
int use_heap(int, char**) {
  for (const size_t size : kSizes) use_size(size);
  for (const size_t from : kSizes) {
    for (const size_t to : kSizes) resize(from, to);
  }
  void* untouched = &untouched;
  printf("%d %d\n", posix_memalign(&untouched, 24, 100000), untouched == &untouched);
  printf("%d %d\n", posix_memalign(&untouched, 64, SIZE_MAX - 100), untouched == &untouched);
  errno = 0;
  printf("%d %d\n", malloc(SIZE_MAX - 4096) == nullptr, errno);
  printf("%d\n", calloc(SIZE_MAX / 2, 4) == nullptr);
  printf("%d\n", reallocarray(nullptr, SIZE_MAX / 2, 4) == nullptr);
  printf("%d\n", realloc(malloc(100000), 0) == nullptr);
  void* const empty = aligned(64, 0);
  free(empty);
  free(nullptr);
  printf("%zu\n", malloc_usable_size(nullptr));
  return 0;
}

// Large blocks that grow and shrink many times, contents kept.
int grow_and_shrink(int, char**) {
  bool right = true;
  for (int round = 0; round < 20; ++round) {
    size_t size = 300000;
    auto* block = static_cast<unsigned char*>(malloc(size));
    memset(block, 0x42, size);
    for (int i = 0; i < 12; ++i) {
      const size_t next = i < 8 ? size * 3 / 2 : size / 2;
      block = static_cast<unsigned char*>(realloc(block, next));
      right = right && all_bytes(block, size < next ? size : next, 0x42);
      memset(block, 0x42, next);
      size = next;
    }
    free(block);
  }
  printf("%d\n", right);
  return 0;
}

// Blocks of malloc's alignment are never aligned like a framework's buffers.
int print_alignment(int, char**) {
  bool any = false;
  for (size_t size = 65536; size < 65536 + 4096; size += 64) {
    void* const block = malloc(size);
    any = any || reinterpret_cast<uintptr_t>(block) % 64 == 0;
    free(block);
  }
  printf("%d\n", any);
  return 0;
}

// --- wrong accesses ------------------------------------------------------------------------------------------------

volatile unsigned char sink;

// argv: size, alignment, offset to touch, whether to write, and to free before.
int touch(int argc, char** argv) {
  const int size = argument(argc, argv, 0, 100);
  auto* const block = static_cast<volatile unsigned char*>(
      aligned(static_cast<size_t>(argument(argc, argv, 1, 64)), static_cast<size_t>(size)));
  block[0] = 1;
  block[size - 1] = 1;
  if (argument(argc, argv, 4, 0) != 0) free(const_cast<unsigned char*>(block));
  printf("%lu\n", reinterpret_cast<unsigned long>(block));
  fflush(stdout);
  const int offset = argument(argc, argv, 2, 0);
  if (argument(argc, argv, 3, 0) != 0) {
    block[offset] = 7;
  } else {
    sink = block[offset];
  }
  if (argument(argc, argv, 4, 0) == 0) free(const_cast<unsigned char*>(block));
  return 0;
}

// Writes behind a block that is never freed.
int overflow_and_exit(int, char**) {
  auto* const block = static_cast<volatile char*>(aligned(64, 100));
  block[110] = 1;
  printf("%d\n", block[110]);
  return 0;
}

int free_twice(int, char**) {
  void* const block = aligned(64, 1000);
  free(block);
  free(block);
  return 0;
}

int free_inside(int, char**) {
  auto* const block = static_cast<char*>(aligned(64, 1000));
  free(block + 64);
  return 0;
}

// --- processes and threads -----------------------------------------------------------------------------------------

// In the child of a fork: the parent's blocks and its own. argv[0]: 1 for a raw fork, which the runtime does not see.
int fork_and_use(int argc, char** argv) {
  const bool raw = argument(argc, argv, 0, 0) != 0;
  auto* const old_small = static_cast<unsigned char*>(aligned(64, 500));
  auto* const old_large = static_cast<unsigned char*>(malloc(3 << 20));
  memset(old_small, 1, 500);
  memset(old_large, 2, 3 << 20);
  fflush(stdout);
  const pid_t pid = raw ? static_cast<pid_t>(syscall(SYS_fork)) : fork();
  auto* const mine = static_cast<unsigned char*>(aligned(64, 500));
  memset(mine, 3, 500);
  const bool right = all_bytes(old_small, 500, 1) && all_bytes(old_large, 3 << 20, 2);
  auto* const grown = static_cast<unsigned char*>(realloc(old_large, 4 << 20));
  const bool kept = all_bytes(grown, 3 << 20, 2);
  memset(grown, 4, 4 << 20);
  free(old_small);
  free(grown);
  for (int i = 0; i < 200; ++i) free(memset(aligned(64, 700), 5, 700));
  const bool intact = all_bytes(mine, 500, 3);
  free(mine);
  if (pid == 0) _exit(right && kept && intact ? 0 : 1);
  int status = 0;
  waitpid(pid, &status, 0);
  printf("%d %d %d %d\n", right, kept, intact, status);
  return 0;
}

int crash_in_child(int, char**) {
  auto* const old = static_cast<volatile unsigned char*>(aligned(64, 500));
  const pid_t pid = fork();
  if (pid == 0) {
    free(const_cast<unsigned char*>(old));
    sink = old[3];
    _exit(0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  printf("%d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
  old[0] = 1;
  free(const_cast<unsigned char*>(old));
  return 0;
}

void allocate_in_handler(int) {
  const int saved = errno;
  free(aligned(64, 300));
  free(malloc(100000));
  errno = saved;
}

// A timer's handler allocates while the program does: with buffers of no libc path in common.
int allocate_in_signals(int, char**) {
  struct sigaction action {};
  action.sa_handler = &allocate_in_handler;
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, nullptr);
  const itimerval often{{0, 300}, {0, 300}};
  for (int i = 0; i < 20000; ++i) {
    if (i == 10) setitimer(ITIMER_REAL, &often, nullptr);
    free(memset(aligned(64, 300), 1, 300));
    free(memset(malloc(100000), 1, 100000));
  }
  puts("done");
  return 0;
}

// A daemon closes every descriptor that it did not open.
int close_descriptors(int, char**) {
  void* const kept = aligned(64, 100);
  for (int fd = 3; fd < 2000; ++fd) close(fd);
  for (int i = 0; i < 1000; ++i) free(memset(aligned(64, 100), 1, 100));
  free(kept);
  puts("done");
  return 0;
}

// What programs do to the memory that they were given.
int advise(int, char**) {
  constexpr size_t kBytes = 200000;
  auto* const block = static_cast<unsigned char*>(malloc(kBytes));
  memset(block, 9, kBytes);
  unsigned char* const page = block + (4096 - reinterpret_cast<uintptr_t>(block) % 4096);
  printf("%d\n", madvise(page, 8192, MADV_DONTNEED));
  printf("%d %d\n", page[0], page[8192]);
  printf("%d\n", madvise(page, 8192, MADV_HUGEPAGE) == 0 || errno == EINVAL);
  printf("%d\n", mlock(page, 8192) == 0);
  memset(page, 4, 8192);
  munlock(page, 8192);
  free(block);
  for (int i = 0; i < 100; ++i) free(memset(malloc(kBytes), 1, kBytes));
  puts("done");
  return 0;
}

// The lowest free descriptor, and how many are open far above, in the ways that programs look.
int leave_descriptors(int, char**) {
  const int first = dup(1);
  int open = 0;
  struct stat unused {};
  for (int fd = 500; fd < 2000; ++fd) open += fstat(fd, &unused) == 0 ? 1 : 0;
  errno = 0;
  printf("%d %d %d %d\n", first, open, fstat(950, &unused), errno);
  return 0;
}

}  // namespace

const Command kHeapCommands[] = {
    {"use-heap", &use_heap},
    {"grow-and-shrink", &grow_and_shrink},
    {"print-alignment", &print_alignment},
    {"touch", &touch},
    {"overflow-and-exit", &overflow_and_exit},
    {"free-twice", &free_twice},
    {"free-inside", &free_inside},
    {"fork-and-use", &fork_and_use},
    {"crash-in-child", &crash_in_child},
    {"allocate-in-signals", &allocate_in_signals},
    {"close-descriptors", &close_descriptors},
    {"advise", &advise},
    {"leave-descriptors", &leave_descriptors},
    {nullptr, nullptr},
};

}  // namespace segwhy::runtime::testing
