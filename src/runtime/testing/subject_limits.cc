// A program that limits its own memory: what it can have under its limit must be what it can have plainly.
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/testing/subject.h"

namespace segwhy::runtime::testing {
namespace {

constexpr size_t kKept = 40, kKeptBytes = 200000;
constexpr rlim_t kLimit = rlim_t{1} << 30;

// Blocks of which every second one is freed again.
void make_holes(unsigned char** kept) {
  for (size_t i = 0; i < kKept; ++i) {
    kept[i] = static_cast<unsigned char*>(aligned_alloc(64, kKeptBytes));
    memset(kept[i], 0x5a, kKeptBytes);
  }
  for (size_t i = 0; i < kKept; i += 2) free(kept[i]);
}

// Far more than the limit in turn, never at once.
[[nodiscard]] bool use_again_and_again() {
  constexpr size_t kBytes = size_t{8} << 20;
  for (int i = 0; i < 200; ++i) {
    auto* const block = static_cast<unsigned char*>(malloc(kBytes));
    if (block == nullptr) return false;
    memset(block, i, kBytes);
    if (!all_bytes(block, kKeptBytes, static_cast<unsigned char>(i))) return false;
    free(block);
  }
  return true;
}

[[nodiscard]] bool resize_and_free(unsigned char** kept) {
  for (size_t i = 1; i < kKept; i += 2) {
    if (!all_bytes(kept[i], kKeptBytes, 0x5a)) return false;
    if (i % 4 == 1) kept[i] = static_cast<unsigned char*>(realloc(kept[i], 3 * kKeptBytes));
    if (kept[i] == nullptr || !all_bytes(kept[i], kKeptBytes, 0x5a)) return false;
    free(kept[i]);
  }
  return true;
}

[[nodiscard]] int start_thread() {
  pthread_t thread{};
  const int result = pthread_create(
      &thread, nullptr, [](void* unused) { return unused; }, nullptr);
  if (result == 0) pthread_join(thread, nullptr);
  return result;
}

[[nodiscard]] int status_of_child() {
  const pid_t child = fork();
  if (child == 0) _exit(use_again_and_again() ? 0 : 1);
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

int set_limit(const char* how) {
  const rlimit limit{kLimit, RLIM_INFINITY};
  if (strcmp(how, "data") == 0) return setrlimit(RLIMIT_DATA, &limit);
  if (strcmp(how, "prlimit") == 0) return prlimit(0, RLIMIT_AS, &limit, nullptr);
  return setrlimit(RLIMIT_AS, &limit);
}

// argv: space, data or prlimit.
int limit_own_memory(int argc, char** argv) {
  unsigned char* kept[kKept];
  make_holes(kept);
  printf("limited %d\n", set_limit(argc > 0 ? argv[0] : "space"));
  printf("used %d\n", use_again_and_again());
  printf("thread %d\n", start_thread());
  errno = 0;
  printf("too much %d %d\n", malloc(size_t{2} << 30) == nullptr, errno);
  printf("child %d\n", status_of_child());
  printf("kept %d\n", resize_and_free(kept));
  return 0;
}

// Takes all mappings that a process may have: every second page of a range gets another protection.
void take_all_mappings() {
  constexpr size_t kPage = 4096, kPages = size_t{1} << 20;
  void* const range = mmap(nullptr, kPages * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED) return;
  for (size_t i = 1; i < kPages; i += 2) {
    if (mprotect(static_cast<char*>(range) + i * kPage, kPage, PROT_READ) != 0) return;
  }
}

// argv: none. Blocks from before and new ones, in the process and in a child.
int use_without_mappings(int, char**) {
  unsigned char* kept[kKept];
  make_holes(kept);
  take_all_mappings();
  printf("used %d\n", use_again_and_again());
  printf("thread %d\n", start_thread());
  printf("child %d\n", status_of_child());
  printf("kept %d\n", resize_and_free(kept));
  return 0;
}

// A block from before the limit keeps its guard.
int touch_behind_own_limit(int, char**) {
  auto* const block = static_cast<volatile unsigned char*>(aligned_alloc(64, 4096));
  (void)set_limit("space");
  block[4096] = 1;
  return 0;
}

}  // namespace

const Command kLimitCommands[] = {
    {"limit-own-memory", &limit_own_memory},
    {"touch-behind-own-limit", &touch_behind_own_limit},
    {"use-without-mappings", &use_without_mappings},
    {nullptr, nullptr},
};

}  // namespace segwhy::runtime::testing
