#include "runtime/exact/written.h"

#include <sys/mman.h>

#include "runtime/exact/views.h"
#include "runtime/pal/syscall.h"

namespace segwhy::runtime::exact {
namespace {

constexpr uintptr_t kBits = 64;
// Only the ends of large blocks are watched (blocks.cc): what lies further inside needs no bits.
constexpr uintptr_t kEndBytes = 8 * kPageBytes;

uint64_t* words;  // of the watched view, in its order

// The bits of [begin, end) that are in word `number`.
[[nodiscard]] uint64_t mask_of(uintptr_t begin, uintptr_t end, uintptr_t number) {
  const uintptr_t first = number * kBits;
  const uint64_t from = begin > first ? ~uint64_t{0} << (begin - first) : ~uint64_t{0};
  const uint64_t to = end < first + kBits ? ~(~uint64_t{0} << (end - first)) : ~uint64_t{0};
  return from & to;
}

template <typename Do>
void for_each_word(uintptr_t begin, uintptr_t end, Do what) {
  begin -= views().watched;
  end -= views().watched;
  for (uintptr_t number = begin / kBits; number * kBits < end; ++number)
    what(words[number], mask_of(begin, end, number));
}

// The range's ends, or all of it when it is not so large.
template <typename Do>
void for_each_end(uintptr_t begin, uintptr_t end, Do what) {
  if (words == nullptr || begin >= end || !is_watched(begin) || !is_watched(end - 1)) return;
  if (end - begin <= 2 * kEndBytes) return for_each_word(begin, end, what);
  for_each_word(begin, begin + kEndBytes, what);
  for_each_word(end - kEndBytes, end, what);
}

}  // namespace

bool prepare_written() {
  const long address = pal::syscall(SYS_mmap, nullptr, views().bytes / 8, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);
  if (address < 0 && address > -4096) return false;
  words = reinterpret_cast<uint64_t*>(address);
  return true;
}

void forget_written(uintptr_t begin, uintptr_t end) {
  for_each_end(begin, end, [](uint64_t& word, uint64_t mask) { __atomic_fetch_and(&word, ~mask, __ATOMIC_RELAXED); });
}

void note_written(uintptr_t begin, uintptr_t end) {
  for_each_end(begin, end, [](uint64_t& word, uint64_t mask) {
    // Most are written again and again.
    if ((__atomic_load_n(&word, __ATOMIC_RELAXED) & mask) != mask) __atomic_fetch_or(&word, mask, __ATOMIC_RELAXED);
  });
}

bool is_unwritten(uintptr_t begin, uintptr_t end) {
  if (words == nullptr || begin >= end || end - begin > kEndBytes || !is_watched(begin) || !is_watched(end - 1))
    return false;
  bool any = false;
  for_each_word(begin, end, [&any](uint64_t& word, uint64_t mask) {
    any = any || (__atomic_load_n(&word, __ATOMIC_RELAXED) & mask) != 0;
  });
  return !any;
}

}  // namespace segwhy::runtime::exact
