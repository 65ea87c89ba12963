#include "runtime/exact/system_calls.h"

#include <errno.h>

#include "runtime/exact/blocks.h"
#include "runtime/exact/code_cache.h"
#include "runtime/exact/findings.h"
#include "runtime/exact/system_call_table.h"
#include "runtime/exact/vectors.h"
#include "runtime/exact/views.h"
#include "runtime/pal/registers.h"
#include "runtime/pal/signals.h"

namespace segwhy::runtime::exact {
namespace {

constexpr int kTrappedBySeccomp = 1;  // SYS_SECCOMP
constexpr greg_t kSystemCallBytes = 2;
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

// What the filter looks for: where watched memory may be.
[[nodiscard]] bool is_in_window(uintptr_t address) {
  return address - views().watched < kMostViewBytes;
}

// The first pointer that the filter trapped the call for; 0: none.
[[nodiscard]] uintptr_t trapped_pointer(const Call& call, bool (*matches)(uintptr_t)) {
  for (int index = 0; index < kArguments; ++index) {
    const uintptr_t pointer = pointer_argument(call, index);
    if ((call.what->pointers >> index & 1) != 0 && matches(pointer)) return pointer;
  }
  return 0;
}

// With the mask of the interrupted code, so that signals are handled while it waits.
[[nodiscard]] long make_call(const Call& call, const long (&arguments)[kArguments], ucontext_t& context) {
  const pal::SignalMask own = pal::change_mask(SIG_SETMASK, pal::to_mask(context.uc_sigmask));
  const long result = pal::raw_syscall(call.what->number, arguments[0], arguments[1], arguments[2], arguments[3],
                                       arguments[4], arguments[5]);
  pal::store_mask(context.uc_sigmask, pal::change_mask(SIG_SETMASK, own));  // the call may have changed it
  return result;
}

[[nodiscard]] long make_vector_call(const Call& call, long (&arguments)[kArguments], ucontext_t& context) {
  const OpenedVectors opened(reinterpret_cast<const iovec*>(call.arguments[1]), static_cast<size_t>(call.arguments[2]));
  arguments[1] = pal::as_word(opened.data());
  arguments[2] = static_cast<long>(opened.count());
  return make_call(call, arguments, context);
}

[[nodiscard]] long make_message_call(const Call& call, long (&arguments)[kArguments], ucontext_t& context) {
  auto* const message = reinterpret_cast<msghdr*>(call.arguments[1]);
  const OpenedMessage opened(message);
  arguments[1] = pal::as_word(opened.data());
  const long result = make_call(call, arguments, context);
  opened.return_results(message);
  return result;
}

[[nodiscard]] long make_call_opened(const Call& call, ucontext_t& context) {
  long arguments[kArguments];
  for (int index = 0; index < kArguments; ++index) {
    const uintptr_t value = pointer_argument(call, index);
    const bool is_pointer = (call.what->pointers >> index & 1) != 0;
    arguments[index] = static_cast<long>(is_pointer && is_watched(value) ? open_address(value) : value);
    // What becomes of it is known of buffers only.
    const bool is_buffer = call.what->transfer == Transfer::kToMemory || call.what->transfer == Transfer::kFromMemory;
    if (is_pointer && !(is_buffer && index == first_pointer(call))) note_block_written(value);
  }
  if (call.what->transfer == Transfer::kVectors) return make_vector_call(call, arguments, context);
  if (call.what->transfer == Transfer::kMessage) return make_message_call(call, arguments, context);
  return make_call(call, arguments, context);
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
    observe({info, context, static_cast<uint64_t>(pc), &entry->finding, CodeOrigin::kProgram, nullptr}, touched);
  }
  pc = behind;
}

}  // namespace

bool carry_out_system_call(siginfo_t& info, ucontext_t& context) {
  if (views().watched == 0 || info.si_code != kTrappedBySeccomp) return false;
  const auto argument = [&](int index) { return static_cast<long>(pal::reg(context, index)); };
  const Call call{
      known_call(info.si_syscall),
      {argument(REG_RDI), argument(REG_RSI), argument(REG_RDX), argument(REG_R10), argument(REG_R8), argument(REG_R9)}};
  if (call.what == nullptr || trapped_pointer(call, &is_in_window) == 0) return false;
  const auto leads_nowhere = [](uintptr_t pointer) { return is_in_window(pointer) && !is_watched(pointer); };
  const bool faults = trapped_pointer(call, leads_nowhere) != 0;  // a small view: there is nothing behind it
  const long result = faults ? -EFAULT : make_call_opened(call, context);
  observe_call(call, result, context);
  context.uc_mcontext.gregs[REG_RAX] = result;
  return true;
}

}  // namespace segwhy::runtime::exact
