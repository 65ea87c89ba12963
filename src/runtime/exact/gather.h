// Gathers and scatters of which some elements are watched.
//
// The instruction is made to complete for those: they are loaded or stored here, and their mask bits cleared, as the
// CPU itself does when such an instruction is interrupted half way. The program then runs it again for the rest, so
// that elements elsewhere fault as they would plainly. Async-signal-safe.
#pragma once

#include <stdint.h>
#include <ucontext.h>

#include "runtime/exact/instruction.h"
#include "runtime/exact/operand.h"

namespace segwhy::runtime::exact {

// Calls seen(argument, element's bytes) for each watched element, then moves it. False when there was none.
bool complete_watched_elements(ucontext_t& context, const Instruction& instruction,
                               void (*seen)(void* argument, const Touched& element), void* argument);

}  // namespace segwhy::runtime::exact
