// BlockTable: the blocks that are counted, by address. Private memory of the process.
//
// Lock-free: a place is claimed, filled and published by one thread; a block is removed by the one that frees it. An
// address lives in one of two buckets of eight, so that a look-up is bounded and removed entries leave nothing behind.
// Async-signal-safe.
#pragma once

#include <stdint.h>

#include "runtime/account/account.h"

namespace segwhy::runtime::account {

class BlockTable {
 public:
  // Gets its memory. False: there is none, and nothing can be counted.
  [[nodiscard]] bool prepare();
  // Empties it. By the only thread.
  void clear();

  // False: no room. When the address is there already its block went unseen: `replaced` is what it stood for.
  [[nodiscard]] bool insert(uint64_t address, const Entry& entry, Entry& replaced);
  [[nodiscard]] bool remove(uint64_t address, Entry& out);

 private:
  static constexpr uint32_t kWays = 8;
  static constexpr uint32_t kBuckets = 1u << 14;
  static constexpr uint64_t kFree = 0, kBusy = 1;

  struct Memory {
    uint64_t addresses[kBuckets * kWays];
    Entry entries[kBuckets * kWays];
  };

  [[nodiscard]] bool take_out(uint32_t place, uint64_t address, Entry& out);

  Memory* memory_;
};

}  // namespace segwhy::runtime::account
