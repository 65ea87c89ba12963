// The heap under threads: they allocate in every way, write and verify, resize, hand blocks to each other to be freed,
// fork, end, and are followed by others. Whatever is lost, changed or refused is counted; nothing ever is.
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <new>

#include "runtime/testing/subject.h"

namespace segwhy::runtime::testing {
namespace {

constexpr int kMostThreads = 64;
constexpr int kRoundsOfThread = 500;  // then it ends and another takes its seat
constexpr size_t kOwnBlocks = 48;
constexpr size_t kLetters = 128;

struct Settings {
  int threads, rounds, seconds;
  size_t own_bytes;  // that a thread holds at most
  int fork_every;    // rounds
  bool opens_parents_letters;
};

Settings settings;

// What may not happen.
struct Losses {
  uint64_t changed, not_zero, misaligned, too_small, errno_lost, refused, thread_refused, fork_refused, child_failed;
};

Losses losses;
uint64_t allocated;

void count(uint64_t& counter) {
  __atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED);
}

void print_losses(int fd) {
  dprintf(fd, "changed %lu not zero %lu misaligned %lu too small %lu errno lost %lu children failed %lu\n",
          losses.changed, losses.not_zero, losses.misaligned, losses.too_small, losses.errno_lost, losses.child_failed);
  dprintf(fd, "refused: blocks %lu threads %lu forks %lu\n", losses.refused, losses.thread_refused,
          losses.fork_refused);
}

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 1) {}

  uint64_t next() {
    state_ = state_ * 6364136223846793005 + 1442695040888963407;
    return state_ >> 33;
  }
  size_t below(size_t limit) { return static_cast<size_t>(next() % limit); }

 private:
  uint64_t state_;
};

// --- one block -----------------------------------------------------------------------------------------------------

enum class Maker { kMalloc, kCalloc, kAlignedAlloc, kPosixMemalign, kMemalign, kRealloc, kNew, kAlignedNew, kMakers };

struct Block {
  unsigned char* bytes;
  size_t size, alignment;
  Maker maker;
  unsigned char pattern;
};

// Large blocks are looked at on every page and all over at both ends.
constexpr size_t kWholly = 16384, kEnd = 512, kStep = 1021;

template <typename Visit>
void visit_bytes(size_t size, Visit visit) {
  const size_t whole = size < kWholly ? size : kEnd;
  for (size_t i = 0; i < whole; ++i) visit(i);
  if (size < kWholly) return;
  for (size_t i = whole; i < size - kEnd; i += kStep) visit(i);
  for (size_t i = size - kEnd; i < size; ++i) visit(i);
}

[[nodiscard]] unsigned char byte_of(const Block& block, size_t index) {
  return static_cast<unsigned char>(block.pattern + index * 7 + (index >> 8));
}

void write_pattern(const Block& block) {
  visit_bytes(block.size, [&](size_t i) { block.bytes[i] = byte_of(block, i); });
}

// The first `size` bytes, of a block that was written when it was `written` bytes large.
void verify(const Block& block, size_t written, size_t size) {
  bool right = true;
  visit_bytes(written, [&](size_t i) { right = right && (i >= size || block.bytes[i] == byte_of(block, i)); });
  if (!right) count(losses.changed);
}

[[nodiscard]] void* make(Maker maker, size_t alignment, size_t size) {
  void* block = nullptr;
  const auto order = std::align_val_t{alignment};
  switch (maker) {
    case Maker::kMalloc:
      return malloc(size);
    case Maker::kCalloc:
      return calloc(size, 1);
    case Maker::kAlignedAlloc:
      return aligned_alloc(alignment, size);
    case Maker::kPosixMemalign:
      return posix_memalign(&block, alignment, size) == 0 ? block : nullptr;
    case Maker::kMemalign:
      return memalign(alignment, size);
    case Maker::kNew:
      return operator new(size, std::nothrow);
    case Maker::kAlignedNew:
      return operator new(size, order, std::nothrow);
    default:
      return realloc(nullptr, size);
  }
}

void release(const Block& block) {
  if (block.maker == Maker::kNew) return operator delete(block.bytes);
  if (block.maker == Maker::kAlignedNew) return operator delete (block.bytes, std::align_val_t{block.alignment});
  free(block.bytes);
}

// As tensors and arrays have them, mostly: aligned to 64, of any size, small ones more often.
[[nodiscard]] size_t choose_alignment(Random& random) {
  constexpr size_t kAlignments[] = {16, 16, 32, 64, 64, 64, 64, 128, 256, 1024, 4096, size_t{1} << 17};
  return kAlignments[random.below(sizeof kAlignments / sizeof kAlignments[0])];
}

[[nodiscard]] size_t choose_size(Random& random) {
  if (random.below(100) == 0) return 0;
  const size_t magnitude = size_t{1} << random.below(random.below(8) == 0 ? 22 : 14);
  return magnitude + random.below(magnitude) + (random.below(2) == 0 ? 0 : random.below(64));
}

[[nodiscard]] bool has_alignment(Maker maker) {
  return maker == Maker::kAlignedAlloc || maker == Maker::kPosixMemalign || maker == Maker::kMemalign ||
         maker == Maker::kAlignedNew;
}

void check_new(const Block& block) {
  if (reinterpret_cast<uintptr_t>(block.bytes) % block.alignment != 0) count(losses.misaligned);
  if (malloc_usable_size(block.bytes) < block.size) count(losses.too_small);
  bool zero = true;
  if (block.maker == Maker::kCalloc) visit_bytes(block.size, [&](size_t i) { zero = zero && block.bytes[i] == 0; });
  if (!zero) count(losses.not_zero);
}

[[nodiscard]] bool allocate(Random& random, Block& out) {
  out.maker = static_cast<Maker>(random.below(static_cast<size_t>(Maker::kMakers)));
  out.alignment = has_alignment(out.maker) ? choose_alignment(random) : alignof(max_align_t);
  out.size = choose_size(random);
  out.pattern = static_cast<unsigned char>(random.next());
  errno = 77;
  out.bytes = static_cast<unsigned char*>(make(out.maker, out.alignment, out.size));
  if (out.bytes == nullptr) {
    count(losses.refused);
    return false;
  }
  if (errno != 77) count(losses.errno_lost);
  count(allocated);
  check_new(out);
  write_pattern(out);
  return true;
}

void verify_and_release(const Block& block) {
  verify(block, block.size, block.size);
  errno = 78;
  release(block);
  if (errno != 78) count(losses.errno_lost);
}

// By a few bytes, in place mostly, or to another size altogether.
void resize(Random& random, Block& block) {
  if (block.maker == Maker::kNew || block.maker == Maker::kAlignedNew) return;
  const size_t before = block.size;
  const size_t size = random.below(2) == 0 ? before + random.below(24) : choose_size(random);
  if (size == 0) return;
  auto* const resized = static_cast<unsigned char*>(realloc(block.bytes, size));
  if (resized == nullptr) return count(losses.refused);
  block.bytes = resized;
  verify(block, before, before < size ? before : size);
  block.size = size;
  block.alignment = alignof(max_align_t);
  if (malloc_usable_size(resized) < size) count(losses.too_small);
  write_pattern(block);
}

// --- one thread ----------------------------------------------------------------------------------------------------

// Blocks on their way from one thread to any other. Each letter is a block itself.
Block* letters[kLetters];

// In a forked child the letters are its own.
void exchange_letter(Random& random, const Block& block) {
  Block* letter = new (std::nothrow) Block(block);
  if (letter == nullptr) {
    count(losses.refused);
    return verify_and_release(block);
  }
  letter = __atomic_exchange_n(&letters[random.below(kLetters)], letter, __ATOMIC_ACQ_REL);
  if (letter == nullptr) return;
  verify_and_release(*letter);
  delete letter;
}

struct Worker {
  Random random;
  Block blocks[kOwnBlocks];
  size_t held = 0, bytes = 0;

  explicit Worker(uint64_t seed) : random(seed) {}

  void add(const Block& block) {
    blocks[held++] = block;
    bytes += block.size;
  }
  Block take(size_t index) {
    const Block block = blocks[index];
    blocks[index] = blocks[--held];
    bytes -= block.size;
    return block;
  }
  Block take_any() { return take(random.below(held)); }
};

void work_once(Worker& worker) {
  Block block{};
  if (allocate(worker.random, block)) worker.add(block);
  while (worker.held != 0 && (worker.held == kOwnBlocks || worker.bytes > settings.own_bytes))
    verify_and_release(worker.take_any());
  if (worker.held == 0) return;
  switch (worker.random.below(4)) {
    case 0:
      return verify_and_release(worker.take_any());
    case 1:
      return exchange_letter(worker.random, worker.take_any());
    case 2: {
      block = worker.take_any();
      resize(worker.random, block);
      return worker.add(block);
    }
    default:
      return;
  }
}

void fork_once(Worker& worker, int depth);

// What the parent's thread held, in a process of its own: works on with it, and leaves nothing behind.
[[noreturn]] void live_as_child(Worker& worker, int depth) {
  losses = {};
  if (!settings.opens_parents_letters) memset(letters, 0, sizeof letters);
  for (size_t i = 0; i < worker.held; ++i) verify(worker.blocks[i], worker.blocks[i].size, worker.blocks[i].size);
  for (int i = 0; i < 40; ++i) work_once(worker);
  if (depth == 0 && worker.random.below(4) == 0) fork_once(worker, depth + 1);
  while (worker.held != 0) verify_and_release(worker.take_any());
  const Losses none{};
  if (memcmp(&losses, &none, sizeof none) == 0) _exit(0);
  print_losses(2);
  _exit(1);
}

void fork_once(Worker& worker, int depth) {
  const pid_t child = fork();
  if (child < 0) return count(losses.fork_refused);
  if (child == 0) live_as_child(worker, depth);
  int status = -1;
  waitpid(child, &status, 0);
  if (status != 0) count(losses.child_failed);
}

// --- all threads ---------------------------------------------------------------------------------------------------

struct Seat {
  pthread_t thread;
  int number, generation;
};

int finished_seats[2];  // a pipe of seat numbers

void* sit(void* raw) {
  const Seat seat = *static_cast<const Seat*>(raw);
  Worker worker(static_cast<uint64_t>(seat.number * 65536 + seat.generation));
  for (int round = 0; round < kRoundsOfThread; ++round) {
    work_once(worker);
    if ((round + seat.number * 31) % settings.fork_every == 0) fork_once(worker, 0);
  }
  while (worker.held != 0) {
    const Block block = worker.take_any();
    if (worker.random.below(2) == 0)
      exchange_letter(worker.random, block);
    else
      verify_and_release(block);
  }
  (void)!write(finished_seats[1], &seat.number, sizeof seat.number);
  return nullptr;
}

[[nodiscard]] bool start(Seat& seat) {
  if (pthread_create(&seat.thread, nullptr, &sit, &seat) == 0) return true;
  count(losses.thread_refused);
  return false;
}

[[nodiscard]] long seconds_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

void run_threads() {
  static Seat seats[kMostThreads];
  const long end = seconds_now() + settings.seconds;
  int sitting = 0;
  for (int i = 0; i < settings.threads; ++i) {
    seats[i].number = i;
    sitting += start(seats[i]) ? 1 : 0;
  }
  while (sitting != 0) {
    int number = 0;
    if (read(finished_seats[0], &number, sizeof number) != sizeof number) abort();
    Seat& seat = seats[number];
    pthread_join(seat.thread, nullptr);
    --sitting;
    ++seat.generation;
    const bool goes_on =
        settings.seconds != 0 ? seconds_now() < end : seat.generation * kRoundsOfThread < settings.rounds;
    if (goes_on) sitting += start(seat) ? 1 : 0;
  }
}

// What is in the letters at the end belongs to nobody else.
void open_letters() {
  for (Block*& letter : letters) {
    if (letter == nullptr) continue;
    verify_and_release(*letter);
    delete letter;
    letter = nullptr;
  }
}

// argv: threads, rounds of each (multiples of kRoundsOfThread), seconds (0: as many rounds as said), MiB held at most
// by all, rounds between two forks of a thread, whether a child looks at what its parent's other threads had sent when
// it was forked (1).
int stress(int argc, char** argv) {
  const int threads = argument(argc, argv, 0, 8);
  settings.threads = threads < kMostThreads ? threads : kMostThreads;
  settings.rounds = argument(argc, argv, 1, kRoundsOfThread);
  settings.seconds = argument(argc, argv, 2, 0);
  settings.own_bytes = (static_cast<size_t>(argument(argc, argv, 3, 256)) << 20) / static_cast<size_t>(threads);
  settings.fork_every = argument(argc, argv, 4, 250);
  settings.opens_parents_letters = argument(argc, argv, 5, 1) != 0;
  if (pipe(finished_seats) != 0) return 2;
  run_threads();
  open_letters();
  printf("allocated %lu\n", settings.seconds == 0 ? allocated : 0);
  fflush(stdout);
  print_losses(1);
  if (settings.seconds != 0) fprintf(stderr, "allocated %lu\n", allocated);
  return losses.changed + losses.not_zero + losses.misaligned + losses.too_small + losses.child_failed != 0 ? 1 : 0;
}

}  // namespace

const Command kStressCommands[] = {
    {"stress", &stress},
    {nullptr, nullptr},
};

}  // namespace segwhy::runtime::testing
