// Registers out of a signal frame. Async-signal-safe.
#pragma once

#include <asm/prctl.h>
#include <ucontext.h>

#include "evidence/wire/session.h"
#include "runtime/pal/syscall.h"

namespace segwhy::runtime::pal {

[[nodiscard]] inline uint64_t reg(const ucontext_t& context, int index) {
  return static_cast<uint64_t>(context.uc_mcontext.gregs[index]);
}

[[nodiscard]] inline uint64_t program_counter(const ucontext_t& context) {
  return reg(context, REG_RIP);
}
[[nodiscard]] inline uint64_t stack_pointer(const ucontext_t& context) {
  return reg(context, REG_RSP);
}

// The registers of the calling thread as they were when the signal interrupted it.
inline void read_registers(const ucontext_t& context, wire::RegisterSet& out) {
  out.rax = reg(context, REG_RAX);
  out.rbx = reg(context, REG_RBX);
  out.rcx = reg(context, REG_RCX);
  out.rdx = reg(context, REG_RDX);
  out.rsi = reg(context, REG_RSI);
  out.rdi = reg(context, REG_RDI);
  out.rbp = reg(context, REG_RBP);
  out.rsp = reg(context, REG_RSP);
  out.r8 = reg(context, REG_R8);
  out.r9 = reg(context, REG_R9);
  out.r10 = reg(context, REG_R10);
  out.r11 = reg(context, REG_R11);
  out.r12 = reg(context, REG_R12);
  out.r13 = reg(context, REG_R13);
  out.r14 = reg(context, REG_R14);
  out.r15 = reg(context, REG_R15);
  out.rip = reg(context, REG_RIP);
  out.eflags = reg(context, REG_EFL);
  out.fs_base = segment_base(ARCH_GET_FS);
  out.gs_base = segment_base(ARCH_GET_GS);
  out.trap_number = reg(context, REG_TRAPNO);
  out.page_fault_error = reg(context, REG_ERR);
  out.cr2 = reg(context, REG_CR2);
}

}  // namespace segwhy::runtime::pal
