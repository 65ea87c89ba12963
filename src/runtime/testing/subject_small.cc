// Small blocks, used badly in each way: the first of a place, which get guarded slots, and later ones, which are
// checked by canaries.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <initializer_list>

#include "runtime/testing/subject.h"

namespace segwhy::runtime::testing {
namespace {

constexpr int kBlocks = 8000;  // more than get guarded slots: a page each
constexpr size_t kSize = 40;

// The last of many blocks of one place.
unsigned char* late_block() {
  unsigned char* block = nullptr;
  for (int i = 0; i < kBlocks; ++i) {
    block = static_cast<unsigned char*>(malloc(kSize));
    memset(block, i, kSize);
  }
  return block;
}

// What the block is abused for: past, write-freed, twice, inside, or nothing.
int misuse_small(int, char** arguments) {
  const char* const how = arguments[0];
  unsigned char* const block = late_block();
  if (strcmp(how, "past") == 0) block[kSize] = 7;
  if (strcmp(how, "inside") == 0) free(block + 16);
  free(block);
  if (strcmp(how, "write-freed") == 0) block[3] = 7;
  if (strcmp(how, "twice") == 0) free(block);
  puts("done");
  return 0;
}

// Locals and globals are no blocks; `malloc`'s own check ends the program.
char global[64];
int free_stray(int, char** arguments) {
  char local[64] = {};
  void* const stray = arguments[0][0] == 'l' ? static_cast<void*>(local + 16) : static_cast<void*>(global + 16);
  free(stray);
  return 0;
}

void* free_block(void* block) {
  free(block);
  return nullptr;
}

// A thread frees a block that lies right behind its own stack. No tier takes valloc's blocks.
int free_behind_stack(int, char**) {
  constexpr size_t kStackBytes = 96 * 1024;
  constexpr uintptr_t kNear = 16 * 1024;
  char* const stack = static_cast<char*>(valloc(kStackBytes));
  void* const block = valloc(4096);
  if (reinterpret_cast<uintptr_t>(block) - reinterpret_cast<uintptr_t>(stack + kStackBytes) >= kNear) {
    puts("not behind");
    return 1;
  }
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, stack, kStackBytes);
  pthread_t thread{};
  if (pthread_create(&thread, &attributes, &free_block, block) != 0) return 1;
  pthread_join(thread, nullptr);
  puts("freed");
  return 0;
}

// Prints what new memory holds: of malloc, of a framework, of calloc, and what realloc adds, in place and elsewhere.
int print_fresh(int, char**) {
  auto* block = static_cast<unsigned char*>(malloc(kSize));
  printf("%02x%02x", block[0], block[kSize - 1]);
  void* buffer = nullptr;
  if (posix_memalign(&buffer, 64, kSize) != 0) return 1;
  const auto* const aligned = static_cast<unsigned char*>(buffer);
  printf(" %02x%02x", aligned[0], aligned[kSize - 1]);
  const auto* const zeroed = static_cast<unsigned char*>(calloc(1, kSize));
  printf(" %02x%02x", zeroed[0], zeroed[kSize - 1]);
  memset(block, 1, kSize);
  for (const size_t more : {size_t{1}, size_t{1000}}) {
    block = static_cast<unsigned char*>(realloc(block, kSize + more));
    printf(" %02x%02x", block[kSize - 1], block[kSize + more - 1]);
  }
  puts("");
  return 0;
}

void* churn(void* seed) {
  auto state = static_cast<unsigned>(reinterpret_cast<uintptr_t>(seed));
  void* kept[32] = {};
  for (int i = 0; i < 20000; ++i) {
    state = state * 1664525 + 1013904223;
    void*& place = kept[(state >> 16) % 32];
    if ((state & 1) != 0 && place != nullptr) {
      place = realloc(place, 1 + (state >> 8) % 3000);
    } else {
      free(place);
      place = memset(malloc(1 + (state >> 8) % 500), 1, 1 + (state >> 8) % 500);
    }
  }
  for (void* block : kept) free(block);
  return nullptr;
}

// Threads that allocate, resize and free small blocks, and children that go on with what they inherited.
int churn_small(int, char**) {
  constexpr int kThreads = 8;
  pthread_t threads[kThreads];
  for (uintptr_t i = 0; i < kThreads; ++i) pthread_create(&threads[i], nullptr, &churn, reinterpret_cast<void*>(i));
  for (int i = 0; i < 4; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      churn(reinterpret_cast<void*>(uintptr_t{77}));
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    printf("child %d\n", status);
  }
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  puts("done");
  return 0;
}

}  // namespace

const Command kSmallCommands[] = {
    {"misuse-small", &misuse_small}, {"free-stray", &free_stray},   {"free-behind-stack", &free_behind_stack},
    {"print-fresh", &print_fresh},   {"churn-small", &churn_small}, {nullptr, nullptr},
};

}  // namespace segwhy::runtime::testing
