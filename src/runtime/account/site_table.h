// SiteIndex: from a stack to its place in the recorder's SiteTable. The index is private memory; the table is the
// recorder's. Lock-free: of two threads that add one stack at a time the later one's place stays empty.
#pragma once

#include <stdint.h>

#include "evidence/wire/sites.h"

namespace segwhy::runtime::account {

class SiteIndex {
 public:
  // Gets its memory. False: there is none.
  [[nodiscard]] bool prepare();
  // Takes the section of recorder::area(), which is empty, into use, after prepare(). False: there is none. By the only
  // thread.
  [[nodiscard]] bool begin(uint64_t account_bytes);

  // 0 for a stack that is not known (0), or has no room.
  [[nodiscard]] uint32_t find_or_add(uint32_t stack);

  // Null where there is no table.
  [[nodiscard]] wire::SiteRecord* at(uint32_t site);

  void count_lost();
  void note_refused(uint64_t bytes, uint32_t stack);

 private:
  static constexpr uint32_t kSlots = 1u << 16;

  [[nodiscard]] uint32_t add(uint32_t stack);

  wire::SiteTable* table_;
  uint32_t capacity_;  // not read back from the table, which the program may scribble over
  uint64_t* slots_;    // kSlots, atomic: stack in the upper half, site in the lower; 0: free
};

}  // namespace segwhy::runtime::account
