// What exact mode has to say about an access: the log of the block, and the finding when it is wrong.
//
// Async-signal-safe, thread-safe. Without a section (wire/accesses.h) findings are still reported, but not kept.
#pragma once

#include <signal.h>
#include <stdint.h>
#include <ucontext.h>

#include "evidence/wire/accesses.h"
#include "runtime/exact/code_origin.h"
#include "runtime/exact/operand.h"

namespace segwhy::runtime::exact {

// Hands a wrong access over while the interrupted program waits at it. `finding` is its entry in the table, or null
// when that is full; what needs the rest of the runtime (the stack, the CrashRecord) is the reporter's to fill in.
using Reporter = void (*)(siginfo_t& info, ucontext_t& context, wire::AccessFinding* finding);

void report_to(Reporter reporter);

// One access that was trapped.
struct Trapped {
  siginfo_t& info;
  ucontext_t& context;
  uint64_t pc;
  uint32_t* finding;  // atomic; index+1 of the first finding by this instruction, 0: none yet
  CodeOrigin origin;
  CodeEntry* code;  // null: a system call
  [[nodiscard]] bool by_system_call() const { return code == nullptr; }
};

// Logs the access and reports it when it is wrong and the first wrong one of its instruction. Afterwards the block may
// have been opened, because it was watched long enough.
void observe(const Trapped& trapped, const Touched& touched);

}  // namespace segwhy::runtime::exact
