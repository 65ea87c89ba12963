// Which system call a thread is blocked in, and with which arguments: told by the kernel, or from the registers that a
// signal found. Pure apart from reading the target's code; any thread.
#pragma once

#include <optional>
#include <string_view>

#include "base/memory_reader.h"
#include "evidence/model/snapshot.h"

namespace segwhy {

// /proc/PID/task/TID/syscall. nullopt for a running thread, for one blocked outside a system call, and for anything
// else.
[[nodiscard]] std::optional<SystemCall> system_call_from_text(std::string_view text);

// The call that a signal interrupted, from the registers in its frame. The kernel has either put the number back to
// make the call again, or left EINTR behind it; then the number is looked for in the code before the call, where C
// libraries load it. nullopt when the thread was not in a call or the number is not to be found.
[[nodiscard]] std::optional<SystemCall> interrupted_call(const Registers& registers, MemoryReader& memory);

}  // namespace segwhy
