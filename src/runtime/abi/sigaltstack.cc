// sigaltstack(2): the application's alternate stack is used for real; while it has none, the runtime's own is in the
// kernel and the application is told that there is none.
#include "runtime/abi/export.h"
#include "runtime/crash/process.h"
#include "runtime/crash/thread_state.h"
#include "runtime/exact/exact.h"
#include "runtime/pal/next.h"

namespace segwhy::runtime {
namespace {

// `kernel` as the application is to see it.
[[nodiscard]] stack_t application_view(const stack_t& kernel, const AltStack* own) {
  if (own == nullptr || kernel.ss_sp != own->base) return kernel;
  if (own->application.ss_size != 0) return own->application;
  return {nullptr, SS_DISABLE, 0};
}

// After the kernel accepted `stack`: keeps the runtime's own in force where the application's cannot serve.
void follow_change(const stack_t& stack, AltStack& own) {
  own.application = {};
  const bool disabled = (stack.ss_flags & SS_DISABLE) != 0;
  if (!disabled && stack.ss_size >= smallest_usable_stack()) return;
  if (!disabled) own.application = stack;
  install_alt_stack(&own);
}

}  // namespace
}  // namespace segwhy::runtime

SEGWHY_EXPORT int sigaltstack(const stack_t* stack, stack_t* old) noexcept {
  using namespace segwhy::runtime;
  ThreadState* const thread = session() != nullptr ? thread_state() : nullptr;
  AltStack* const own = thread != nullptr ? thread->stack : nullptr;
  if (own == nullptr) return pal::next().sigaltstack(stack, old);
  stack_t kernel_old{};
  stack_t wanted = stack != nullptr ? *stack : stack_t{};
  wanted.ss_sp = exact::direct(wanted.ss_sp);  // it may be a watched block
  const int result = pal::next().sigaltstack(stack != nullptr ? &wanted : nullptr, &kernel_old);
  if (result != 0) return result;
  stack_t view = application_view(kernel_old, own);
  view.ss_sp = exact::from_direct(view.ss_sp);
  if (stack != nullptr) follow_change(wanted, *own);
  if (old != nullptr) *old = view;
  return 0;
}
