// The governor: keeps what the heap costs below the budget, by leaving blocks to the C library.
//
// Cost is the time that the heap's own slow path takes, by the CPU's counter, and what a moved page costs later. It is
// paid from a credit that grows with the program's CPU time and starts with enough for a short program to be protected
// in full. When half of it is used up, freed blocks are made inaccessible in batches; without credit only the first
// blocks of each call path are protected, so that code that runs for the first time is always looked at. Its state is
// in the recorder: what it did is in the report.
//
// Thread-safe, async-signal-safe, no locks; valid when zeroed.
#pragma once

#include <stdint.h>

#include "runtime/pal/ticks.h"

namespace segwhy::runtime::heap {

// Starts the account. `budget_permille`: of the program's CPU time; 1000 and more: no limit.
void start_governor(uint32_t budget_permille);

// In a forked child, whose CPU time starts anew.
void restart_governor();

enum class Admission {
  kRefused,  // not to be protected
  kInBatch,  // revoked some time after it was freed, with others
  kAtOnce,   // revoked when it is freed
};

// What becomes of the block that `return_address`, called with `frame`, asks for.
[[nodiscard]] Admission admit_block(const void* return_address, const void* frame);

// False without credit: what there is far too much of is left to the C library then.
[[nodiscard]] bool affords_common_blocks();

// The time that work for one block of `pages` pages (0: a small one) took; whether pages were made inaccessible in it.
void charge(uint64_t ticks, uint64_t pages, bool revoked);

// Charges what happens in its lifetime.
class Charge {
 public:
  explicit Charge(uint64_t pages) : pages_(pages), begin_(pal::ticks()) {}
  Charge(const Charge&) = delete;
  Charge& operator=(const Charge&) = delete;
  ~Charge() { charge(pal::ticks() - begin_, pages_, revoked_); }

  // Pages were made inaccessible meanwhile.
  void revoked() { revoked_ = true; }

 private:
  uint64_t pages_;
  uint64_t begin_;
  bool revoked_ = false;
};

}  // namespace segwhy::runtime::heap
