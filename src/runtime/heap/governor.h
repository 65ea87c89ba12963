// The governor: keeps what the heap costs below the budget, by leaving blocks to the C library.
//
// Cost is the time that the heap's own slow path takes, by the CPU's counter, and what a moved page costs later. It is
// paid from a credit that grows with the program's CPU time and starts with enough for a short program to be protected
// in full. Without credit only the first blocks of each call path are protected, so that code that runs for the first
// time is always looked at. Its state is in the recorder: what it did is in the report.
//
// Thread-safe, async-signal-safe, no locks; valid when zeroed.
#pragma once

#include <stdint.h>

namespace segwhy::runtime::heap {

// Starts the account. `budget_permille`: of the program's CPU time; 1000 and more: no limit.
void start_governor(uint32_t budget_permille);

// In a forked child, whose CPU time starts anew.
void restart_governor();

// Whether the block that `return_address`, called with `frame`, asks for may be protected.
[[nodiscard]] bool admit_block(const void* return_address, const void* frame);

// The time that work for one block took, of `pages` pages that were moved or mapped.
void charge(uint64_t ticks, uint64_t pages);

}  // namespace segwhy::runtime::heap
