#include "runtime/pal/signal_frame.h"

#include <stddef.h>

#include "runtime/pal/guarded_copy.h"
#include "runtime/pal/registers.h"

// rdi top of the new stack, rsi function, rdx argument.
asm(R"(
  .text
  .hidden segwhy_call_on_stack, segwhy_enter_handler
  .globl segwhy_call_on_stack, segwhy_enter_handler
  .type segwhy_call_on_stack, @function
segwhy_call_on_stack:
  .cfi_startproc
  pushq %rbp
  .cfi_def_cfa_offset 16
  .cfi_offset %rbp, -16
  movq %rsp, %rbp
  .cfi_def_cfa_register %rbp
  movq %rdi, %rsp
  andq $-16, %rsp
  movq %rdx, %rdi
  call *%rsi
  leave
  .cfi_def_cfa %rsp, 8
  ret
  .cfi_endproc
  .size segwhy_call_on_stack, . - segwhy_call_on_stack

  # rdi signal, rsi siginfo, rdx ucontext, rcx handler, r8 stack pointer at its entry.
  .type segwhy_enter_handler, @function
segwhy_enter_handler:
  .cfi_startproc
  .cfi_undefined %rip
  movq %r8, %rsp
  xorl %eax, %eax
  jmp *%rcx
  .cfi_endproc
  .size segwhy_enter_handler, . - segwhy_enter_handler
)");

extern "C" {
__attribute__((visibility("hidden"))) void segwhy_call_on_stack(void* top, void (*function)(void*), void* argument);
[[noreturn]] __attribute__((visibility("hidden"))) void segwhy_enter_handler(int signal, siginfo_t* info, void* context,
                                                                             uintptr_t handler, uintptr_t stack);
}

namespace segwhy::runtime::pal {
namespace {

// What the kernel lays out for a handler (arch/x86/include/asm/sigframe.h): the return address (the restorer), its
// ucontext, which is the leading part of glibc's ucontext_t, and the siginfo. The floating-point state lies above.
constexpr size_t kKernelContextBytes = 304;
constexpr size_t kSigInfoBytes = 128;
constexpr size_t kFrameBytes = 8 + kKernelContextBytes + kSigInfoBytes;
static_assert(sizeof(siginfo_t) == kSigInfoBytes);
static_assert(offsetof(ucontext_t, uc_sigmask) + sizeof(SignalMask) == kKernelContextBytes);

constexpr uint64_t kRedZoneBytes = 128;

// The header that tells the size of an XSAVE area (struct _fpx_sw_bytes), in the software-reserved bytes of FXSAVE.
constexpr size_t kSoftwareBytesOffset = 464;
constexpr uint32_t kExtendedStateMagic = 0x46505853;
constexpr size_t kLegacyStateBytes = 512;
constexpr size_t kMaxStateBytes = 64 * 1024;

constexpr uint64_t kTrapFlag = 0x100, kDirectionFlag = 0x400, kResumeFlag = 0x10000;

struct SoftwareBytes {
  uint32_t magic;
  uint32_t extended_size;
};

[[nodiscard]] uintptr_t frame_address(const ucontext_t& context) {
  return reinterpret_cast<uintptr_t>(&context) - 8;
}

[[nodiscard]] size_t floating_point_bytes(const ucontext_t& context) {
  if (context.uc_mcontext.fpregs == nullptr) return 0;
  SoftwareBytes software{};
  memcpy(&software, reinterpret_cast<const char*>(context.uc_mcontext.fpregs) + kSoftwareBytesOffset, sizeof software);
  if (software.magic != kExtendedStateMagic || software.extended_size > kMaxStateBytes) return kLegacyStateBytes;
  return software.extended_size;
}

[[nodiscard]] bool copy_all(uintptr_t destination, const void* source, size_t size) {
  return guarded_copy(reinterpret_cast<void*>(destination), source, size) == size;
}

void set_register(ucontext_t& context, int index, uint64_t value) {
  context.uc_mcontext.gregs[index] = static_cast<greg_t>(value);
}

}  // namespace

bool frame_switched_stack(const ucontext_t& context) {
  const stack_t& stack = context.uc_stack;
  if ((stack.ss_flags & SS_DISABLE) != 0 || stack.ss_size == 0) return false;
  const auto base = reinterpret_cast<uintptr_t>(stack.ss_sp);
  const uint64_t interrupted = stack_pointer(context);
  return interrupted <= base || interrupted - base > stack.ss_size;
}

bool redirect_to_interrupted_stack(ucontext_t& context, const siginfo_t& info, const HandlerCall& call) {
  const size_t state_bytes = floating_point_bytes(context);
  const uint64_t state = (stack_pointer(context) - kRedZoneBytes - state_bytes) & ~uint64_t{63};
  // As at a function's entry: the stack pointer plus 8 is 16-aligned.
  const uint64_t frame = ((state - kFrameBytes) & ~uint64_t{15}) - 8;
  const uint64_t new_context = frame + 8;
  const uint64_t new_info = new_context + kKernelContextBytes;

  ucontext_t copy{};
  memcpy(&copy, &context, kKernelContextBytes);
  if (state_bytes != 0) copy.uc_mcontext.fpregs = reinterpret_cast<fpregset_t>(state);
  const bool written = copy_all(state, context.uc_mcontext.fpregs, state_bytes) &&
                       copy_all(new_info, &info, kSigInfoBytes) && copy_all(new_context, &copy, kKernelContextBytes) &&
                       copy_all(frame, reinterpret_cast<const void*>(frame_address(context)), 8);
  if (!written) return false;

  set_register(context, REG_RIP, call.handler);
  set_register(context, REG_RSP, frame);
  set_register(context, REG_RDI, static_cast<uint64_t>(call.signal));
  set_register(context, REG_RSI, new_info);
  set_register(context, REG_RDX, new_context);
  set_register(context, REG_RAX, 0);
  set_register(context, REG_EFL, reg(context, REG_EFL) & ~(kTrapFlag | kDirectionFlag | kResumeFlag));
  context.uc_mcontext.fpregs = nullptr;  // sigreturn then resets it, as the kernel does for a handler
  store_mask(context.uc_sigmask, call.mask);
  return true;
}

void enter_handler_in_place(ucontext_t& context, siginfo_t& info, const HandlerCall& call) {
  change_mask(SIG_SETMASK, call.mask);
  segwhy_enter_handler(call.signal, &info, &context, call.handler, frame_address(context));
}

void call_on_stack(void* top, void (*function)(void*), void* argument) {
  segwhy_call_on_stack(top, function, argument);
}

}  // namespace segwhy::runtime::pal
