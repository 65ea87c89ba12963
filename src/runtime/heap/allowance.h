// How much memory and how many mappings the heap may take beyond what the program asked for. Counters, thread-safe.
#pragma once

#include <stdint.h>

namespace segwhy::runtime::heap {

// Reads the system's limit on mappings. Once, at load.
void prepare_allowance();

// For a block of `size` bytes that leaves `waste` bytes of its pages unused. False: too much is wasted already.
[[nodiscard]] bool take_allowance(uint64_t size, uint64_t waste);
void give_back_allowance(uint64_t size, uint64_t waste);
// A block became larger (or smaller) by `size` bytes, in pages that became more (or fewer) by `pages`.
void change_allowance(int64_t size, int64_t pages);

// For freed pages that are kept for the next block.
[[nodiscard]] bool take_stock_allowance(uint64_t pages);
void give_back_stock(uint64_t pages);

// For a block whose accessible pages are a mapping of their own: the system's limit is mostly the program's.
[[nodiscard]] bool take_mapping();
void give_back_mapping();

}  // namespace segwhy::runtime::heap
