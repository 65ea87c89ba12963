// Generated code that carries one instruction out on the open view and goes back behind it.
//
//   [shift registers there] instruction [shift them back] jmp behind the original
//
// An instruction with a displacement gets one that is larger by the distance of the views, and nothing else; the others
// have the registers they go through shifted around them, with lea, which touches no flag. No register is borrowed,
// nothing is saved: a signal may arrive anywhere in a stub, its handler may run stubs itself and may never return.
//
// Stubs are written once and never changed or reused. Thread-safe but for make_stub() and forget_stubs(), which the
// caller serialises. Async-signal-safe.
#pragma once

#include <stdint.h>
#include <ucontext.h>

#include "runtime/exact/instruction.h"

namespace segwhy::runtime::exact {

// Which registers a stub shifts.
enum ShiftBit : uint8_t { kShiftRsi = 1, kShiftRdi = 2, kShiftRbx = 4 };

// The address of a new stub; 0: it cannot be expressed, or there is no room.
[[nodiscard]] uintptr_t make_stub(uint64_t pc, const Instruction& instruction, uint8_t shifts);

// When `context` was interrupted inside a stub: makes it look as if it had been interrupted at the original
// instruction, before or behind it. True when it was.
bool leave_stub(ucontext_t& context);

// In a forked child, whose generated code is empty.
void forget_stubs();

}  // namespace segwhy::runtime::exact
