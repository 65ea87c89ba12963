#include "runtime/exact/system_calls.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "runtime/exact/code_cache.h"
#include "runtime/exact/findings.h"
#include "runtime/exact/reissue.h"
#include "runtime/exact/system_call_table.h"
#include "runtime/exact/views.h"
#include "runtime/pal/guarded_copy.h"
#include "runtime/pal/registers.h"
#include "runtime/pal/signals.h"

// rdi number, rsi six arguments.
asm(R"(
  .text
  .hidden segwhy_reissue, segwhy_reissue_return
  .globl segwhy_reissue, segwhy_reissue_return
  .type segwhy_reissue, @function
segwhy_reissue:
  .cfi_startproc
  movq %rdi, %rax
  movq %rsi, %r11
  movq (%r11), %rdi
  movq 8(%r11), %rsi
  movq 16(%r11), %rdx
  movq 24(%r11), %r10
  movq 32(%r11), %r8
  movq 40(%r11), %r9
  syscall
segwhy_reissue_return:
  ret
  .cfi_endproc
  .size segwhy_reissue, . - segwhy_reissue
)");

namespace segwhy::runtime::exact {
namespace {

constexpr int kTrappedBySeccomp = 1;  // SYS_SECCOMP
constexpr greg_t kSystemCallBytes = 2;
constexpr size_t kMostVectors = 64;  // handlers may run on a small stack of the application's
constexpr int kArguments = 6;

struct Call {
  const SystemCall* what;
  long arguments[kArguments];
};

[[nodiscard]] const SystemCall* known_call(long number) {
  for (const SystemCall& call : kSystemCalls) {
    if (call.number == number) return &call;
  }
  return nullptr;
}

[[nodiscard]] uintptr_t pointer_argument(const Call& call, int index) {
  return static_cast<uintptr_t>(call.arguments[index]);
}

[[nodiscard]] int first_pointer(const Call& call) {
  return __builtin_ctz(call.what->pointers);
}

[[nodiscard]] bool is_in_window(uintptr_t address) {
  return address >> 32 == views().watched >> 32;
}

[[nodiscard]] bool was_trapped_here(const Call& call) {
  if (call.what->transfer == Transfer::kVectors || call.what->transfer == Transfer::kMessage) return true;
  for (int index = 0; index < kArguments; ++index) {
    if ((call.what->pointers >> index & 1) != 0 && is_in_window(pointer_argument(call, index))) return true;
  }
  return false;
}

void open_pointer(uintptr_t& pointer) {
  if (is_watched(pointer)) pointer = open_address(pointer);
}

template <typename T>
void open_pointer(T*& pointer) {
  auto address = reinterpret_cast<uintptr_t>(pointer);
  open_pointer(address);
  pointer = reinterpret_cast<T*>(address);
}

// Copies of what a call's arguments point to, as far as it holds pointers itself.
struct Copies {
  iovec vectors[kMostVectors];
  msghdr message;
};

// The array with its pointers opened, cut after kMostVectors entries (a transfer may be short); the original where that
// would change nothing, or where it cannot be copied: the kernel then says why.
[[nodiscard]] iovec* open_vectors(iovec* vectors, size_t& count, Copies& copies) {
  open_pointer(vectors);
  const size_t copied = count < kMostVectors ? count : kMostVectors;
  const size_t bytes = copied * sizeof(iovec);
  if (pal::guarded_copy(copies.vectors, vectors, bytes) != bytes) return vectors;
  bool any = false;
  for (size_t index = 0; index < copied; ++index) {
    any = any || is_watched(reinterpret_cast<uintptr_t>(copies.vectors[index].iov_base));
    open_pointer(copies.vectors[index].iov_base);
  }
  if (!any) return vectors;
  count = copied;
  return copies.vectors;
}

[[nodiscard]] long open_message(uintptr_t pointer, Copies& copies) {
  open_pointer(pointer);
  msghdr& message = copies.message;
  if (pal::guarded_copy(&message, reinterpret_cast<const void*>(pointer), sizeof message) != sizeof message) {
    return static_cast<long>(pointer);
  }
  open_pointer(message.msg_name);
  open_pointer(message.msg_control);
  message.msg_iov = open_vectors(message.msg_iov, message.msg_iovlen, copies);
  return pal::as_word(&message);
}

// What the kernel changes in a msghdr goes back to the program's.
void return_message(uintptr_t pointer, const Copies& copies, long opened) {
  open_pointer(pointer);
  if (opened != pal::as_word(&copies.message)) return;
  auto* const original = reinterpret_cast<msghdr*>(pointer);
  const auto put = [](void* to, const void* from, size_t size) { pal::guarded_copy(to, from, size); };
  put(&original->msg_namelen, &copies.message.msg_namelen, sizeof original->msg_namelen);
  put(&original->msg_controllen, &copies.message.msg_controllen, sizeof original->msg_controllen);
  put(&original->msg_flags, &copies.message.msg_flags, sizeof original->msg_flags);
}

// With the mask of the interrupted code, so that signals are handled while it waits.
[[nodiscard]] long make_call(const Call& call, const long (&arguments)[kArguments], ucontext_t& context) {
  const pal::SignalMask own = pal::change_mask(SIG_SETMASK, pal::to_mask(context.uc_sigmask));
  const long result = segwhy_reissue(call.what->number, arguments);
  pal::store_mask(context.uc_sigmask, pal::change_mask(SIG_SETMASK, own));  // the call may have changed it
  return result;
}

[[nodiscard]] long make_call_opened(const Call& call, ucontext_t& context) {
  long arguments[kArguments];
  for (int index = 0; index < kArguments; ++index) {
    uintptr_t value = pointer_argument(call, index);
    if ((call.what->pointers >> index & 1) != 0) open_pointer(value);
    arguments[index] = static_cast<long>(value);
  }
  Copies copies;
  if (call.what->transfer == Transfer::kVectors) {
    auto count = static_cast<size_t>(call.arguments[2]);
    arguments[1] = pal::as_word(open_vectors(reinterpret_cast<iovec*>(call.arguments[1]), count, copies));
    arguments[2] = static_cast<long>(count);
  } else if (call.what->transfer == Transfer::kMessage) {
    arguments[1] = open_message(pointer_argument(call, 1), copies);
  }
  const long result = make_call(call, arguments, context);
  if (call.what->transfer == Transfer::kMessage) return_message(pointer_argument(call, 1), copies, arguments[1]);
  return result;
}

// What the kernel touched through the first pointer.
[[nodiscard]] Touched touched_by_kernel(const Call& call, long result) {
  const uintptr_t begin = pointer_argument(call, first_pointer(call));
  switch (call.what->transfer) {
    case Transfer::kToMemory:
      return {begin, begin + static_cast<uintptr_t>(result > 0 ? result : 0), kWrite};
    case Transfer::kFromMemory:
      return {begin, begin + static_cast<uintptr_t>(result > 0 ? result : 0), kRead};
    default:
      return {begin, begin + 1, kRead};
  }
}

// The access is the system call instruction's, which the context is behind.
void observe_call(const Call& call, long result, ucontext_t& context) {
  const Touched touched = touched_by_kernel(call, result);
  if (!is_watched(touched.begin) || result < 0) return;
  greg_t& pc = context.uc_mcontext.gregs[REG_RIP];
  const greg_t behind = pc;
  pc -= kSystemCallBytes;
  CodeEntry* const entry = find_code(static_cast<uint64_t>(pc));
  if (entry != nullptr) {
    siginfo_t info{};
    info.si_signo = SIGSEGV;
    info.si_code = SEGV_ACCERR;
    info.si_addr = reinterpret_cast<void*>(touched.begin);
    observe({info, context, static_cast<uint64_t>(pc), &entry->finding, CodeOrigin::kProgram, true}, touched);
  }
  pc = behind;
}

}  // namespace

bool carry_out_system_call(siginfo_t& info, ucontext_t& context) {
  const bool from_here = info.si_call_addr == static_cast<const void*>(segwhy_reissue_return);
  if (views().watched == 0 || info.si_code != kTrappedBySeccomp || from_here) return false;
  const auto argument = [&](int index) { return static_cast<long>(pal::reg(context, index)); };
  const Call call{
      known_call(info.si_syscall),
      {argument(REG_RDI), argument(REG_RSI), argument(REG_RDX), argument(REG_R10), argument(REG_R8), argument(REG_R9)}};
  if (call.what == nullptr || !was_trapped_here(call)) return false;
  const long result = make_call_opened(call, context);
  observe_call(call, result, context);
  context.uc_mcontext.gregs[REG_RAX] = result;
  return true;
}

}  // namespace segwhy::runtime::exact
