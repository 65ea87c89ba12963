#include "runtime/pal/guarded_copy.h"

#include <stdint.h>

// rdi destination, rsi source, rdx size; returns the bytes left over. `rep movsb` keeps rcx current when it faults, so
// the whole state of the copy is in registers and resuming behind it is all the fix-up there is.
asm(R"(
  .text
  .hidden segwhy_guarded_copy, segwhy_guarded_copy_fault, segwhy_guarded_copy_resume
  .globl segwhy_guarded_copy, segwhy_guarded_copy_fault, segwhy_guarded_copy_resume
  .type segwhy_guarded_copy, @function
segwhy_guarded_copy:
  .cfi_startproc
  cld
  movq %rdx, %rcx
segwhy_guarded_copy_fault:
  rep movsb
segwhy_guarded_copy_resume:
  movq %rcx, %rax
  ret
  .cfi_endproc
  .size segwhy_guarded_copy, . - segwhy_guarded_copy

  .hidden segwhy_guarded_load, segwhy_guarded_load_fault, segwhy_guarded_load_resume
  .globl segwhy_guarded_load, segwhy_guarded_load_fault, segwhy_guarded_load_resume
  .type segwhy_guarded_load, @function
segwhy_guarded_load:
  .cfi_startproc
  movl $1, %edx
segwhy_guarded_load_fault:
  movq (%rdi), %rax
  ret
segwhy_guarded_load_resume:
  xorl %eax, %eax
  xorl %edx, %edx
  ret
  .cfi_endproc
  .size segwhy_guarded_load, . - segwhy_guarded_load
)");

extern "C" {
__attribute__((visibility("hidden"))) size_t segwhy_guarded_copy(void* destination, const void* source, size_t size);
__attribute__((visibility("hidden"))) extern const char segwhy_guarded_copy_fault[];
__attribute__((visibility("hidden"))) extern const char segwhy_guarded_copy_resume[];
__attribute__((visibility("hidden"))) extern const char segwhy_guarded_load_fault[];
__attribute__((visibility("hidden"))) extern const char segwhy_guarded_load_resume[];
}

namespace segwhy::runtime::pal {

size_t guarded_copy(void* destination, const void* source, size_t size) {
  return size - segwhy_guarded_copy(destination, source, size);
}

bool fix_up_guarded_copy(ucontext_t& context) {
  greg_t& pc = context.uc_mcontext.gregs[REG_RIP];
  if (pc == reinterpret_cast<greg_t>(segwhy_guarded_copy_fault)) {
    pc = reinterpret_cast<greg_t>(segwhy_guarded_copy_resume);
  } else if (pc == reinterpret_cast<greg_t>(segwhy_guarded_load_fault)) {
    pc = reinterpret_cast<greg_t>(segwhy_guarded_load_resume);
  } else {
    return false;
  }
  return true;
}

}  // namespace segwhy::runtime::pal
