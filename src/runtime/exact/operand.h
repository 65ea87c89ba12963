// Which bytes an instruction touches, from the registers of the interrupted code. Pure but for the segment bases.
#pragma once

#include <stdint.h>
#include <ucontext.h>

#include "runtime/exact/instruction.h"

namespace segwhy::runtime::exact {

// [begin, end): the bytes; equal when there are none.
struct Touched {
  uintptr_t begin;
  uintptr_t end;
  uint8_t accesses;  // AccessBit
};

// At most two: string instructions have a source and a destination.
struct Touches {
  Touched items[2];
  int count;
};

[[nodiscard]] uint64_t general_register(const ucontext_t& context, uint8_t number);
void set_general_register(ucontext_t& context, uint8_t number, uint64_t value);

// The address that base, index and displacement make; the index of a gather left out.
[[nodiscard]] uintptr_t effective_address(const ucontext_t& context, const Address& address);

// Of a form other than gather and scatter. A repeated string instruction counts with all that it has left to do, of
// which compare and scan may need less.
[[nodiscard]] Touches touched_by(const ucontext_t& context, const Instruction& instruction);

}  // namespace segwhy::runtime::exact
