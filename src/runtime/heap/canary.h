// Canaries: bytes around a block that nobody may write. Their value depends on a key of this process and on the
// address, and every byte has its highest bit set: neither zeros nor text nor a copy of a neighbour passes for it.
// Pure; nothing here faults on memory that its caller owns.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

namespace segwhy::runtime::heap {

// In front of a block, as far as its first page goes back that far.
inline constexpr size_t kCanaryBefore = 32;

[[nodiscard]] constexpr uint64_t usable_key(uint64_t random) {
  return random | 0x8080808080808080;
}

[[nodiscard]] inline uint8_t canary_byte(uint64_t key, uintptr_t address) {
  return static_cast<uint8_t>(key >> (address % 8 * 8));
}

inline void fill_canary(uint64_t key, uintptr_t begin, uintptr_t end) {
  for (; begin < end && begin % 8 != 0; ++begin) *reinterpret_cast<uint8_t*>(begin) = canary_byte(key, begin);
  for (; begin + 8 <= end; begin += 8) memcpy(reinterpret_cast<void*>(begin), &key, sizeof key);
  for (; begin < end; ++begin) *reinterpret_cast<uint8_t*>(begin) = canary_byte(key, begin);
}

// The first byte that is not as it was filled; `end` when all are.
[[nodiscard]] inline uintptr_t check_canary(uint64_t key, uintptr_t begin, uintptr_t end) {
  for (; begin < end; ++begin) {
    uint64_t word = 0;
    while (begin % 8 == 0 && begin + 8 <= end) {
      memcpy(&word, reinterpret_cast<const void*>(begin), sizeof word);
      if (word != key) break;
      begin += 8;
    }
    if (begin >= end || *reinterpret_cast<const uint8_t*>(begin) != canary_byte(key, begin)) break;
  }
  return begin;
}

}  // namespace segwhy::runtime::heap
