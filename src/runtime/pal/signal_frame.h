// Signal frames: handing a signal that the runtime has looked at to the application's own handler, on the stack and
// with the mask, arguments and register state that the kernel would have given it.
//
// Nothing of the runtime stays on any stack while the application's handler runs, so the handler may return, longjmp
// out, switch stacks or end the thread, as it could without the runtime. Async-signal-safe, thread-safe.
#pragma once

#include <signal.h>
#include <ucontext.h>

#include "runtime/pal/signals.h"

namespace segwhy::runtime::pal {

// How a handler of the application is to be entered.
struct HandlerCall {
  int signal;
  uintptr_t handler;
  SignalMask mask;  // the kernel's mask while it runs
};

// True when the kernel put the frame of `context` onto another stack than the interrupted code ran on.
[[nodiscard]] bool frame_switched_stack(const ucontext_t& context);

// Arranges that returning from the current signal handler enters the application's, on the interrupted stack, as if
// the kernel had delivered the signal there. False, with `context` unchanged, when that stack has no room.
[[nodiscard]] bool redirect_to_interrupted_stack(ucontext_t& context, const siginfo_t& info, const HandlerCall& call);

// Leaves the current signal handler and enters the application's on the frame that the kernel built. Does not return.
[[noreturn]] void enter_handler_in_place(ucontext_t& context, siginfo_t& info, const HandlerCall& call);

// Calls function(argument) on the stack that ends at `top`, and returns when it does.
void call_on_stack(void* top, void (*function)(void*), void* argument);

}  // namespace segwhy::runtime::pal
