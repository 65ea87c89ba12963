// Instructions that have touched watched memory, decoded once, with their stubs.
//
// Keyed by address and checked against the bytes that stand there, so that code which is generated, unloaded or patched
// is never mistaken for what was there before. Thread-safe, async-signal-safe, lock-free when the entry is there.
#pragma once

#include <stdint.h>

#include "runtime/exact/instruction.h"

namespace segwhy::runtime::exact {

struct CodeEntry {
  uint64_t pc;
  Instruction instruction;
  uintptr_t stubs[5];  // atomic; by shifts (stubs.h); 0: not made yet
  uint32_t finding;    // atomic; index+1 of the first wrong access by this instruction
  uint32_t origin;     // atomic; CodeOrigin, 0: not looked up yet
  uint32_t unwritten;  // atomic; index+1 of the first finding that it decided something by what was never written
  uint32_t decides;    // atomic; 0: not looked up yet, 1: what it loads decides nothing at once, 2: it does
};

// Maps the cache's memory. False when memory is short.
[[nodiscard]] bool prepare_code_cache();

// The instruction at `pc`, which must have been executed just now. Null: it cannot be decoded, or there is no room.
[[nodiscard]] CodeEntry* find_code(uint64_t pc);

// Its stub; 0: it cannot be made.
[[nodiscard]] uintptr_t stub_of(CodeEntry& entry, uint8_t shifts);

// In a forked child, whose stubs are gone.
void forget_code();

}  // namespace segwhy::runtime::exact
