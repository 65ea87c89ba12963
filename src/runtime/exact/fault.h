// Carrying out the accesses that the watched view traps.
#pragma once

#include <signal.h>
#include <ucontext.h>

namespace segwhy::runtime::exact {

// For the handler of every synchronous signal, first of all. True: `context` has been changed so that returning from
// the handler carries the access out and the program goes on; nothing else is to be done. False: the fault is the
// program's own; `info` and `context` then speak of the original instruction, never of generated code.
//
// Async-signal-safe; may be entered again from a handler that interrupted generated code.
[[nodiscard]] bool carry_out(siginfo_t& info, ucontext_t& context);

}  // namespace segwhy::runtime::exact
