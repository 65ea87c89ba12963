// System calls on watched memory: the kernel cannot touch it either, so a filter traps them and they are made again
// with the address in the open view.
//
// The filter (seccomp) costs every system call of the program some tens of nanoseconds, and stays in force in its
// children and in what they execute; the address range it looks for is one that no other program uses. A process
// without privileges gives up gaining any through setuid programs, as the kernel demands of those who install a filter.
#pragma once

#include <signal.h>
#include <ucontext.h>

namespace segwhy::runtime::exact {

// After map_views(), before other threads exist. False: the kernel refuses.
[[nodiscard]] bool install_system_call_filter();

// For the handler of SIGSYS. True: the call has been made and `context` holds its result. False: it was not trapped
// by the runtime's filter. Other signals are handled meanwhile as if the program waited in the call itself.
[[nodiscard]] bool carry_out_system_call(siginfo_t& info, ucontext_t& context);

}  // namespace segwhy::runtime::exact
