#include "runtime/crash/dispositions.h"

#include "runtime/crash/handler.h"
#include "runtime/crash/process.h"
#include "runtime/pal/atomic.h"
#include "runtime/pal/next.h"
#include "runtime/pal/spin_lock.h"

namespace segwhy::runtime {
namespace {

using pal::kMaxSignal;
using RealHandler = void (*)(int, siginfo_t*, void*);

// Two copies and a version, so that a handler that interrupts a change reads the old copy instead of waiting.
struct Slot {
  uint32_t version;  // of the current copy, which is copies[version % 2]
  Action copies[2];
};

Slot slots[kMaxSignal + 1];
pal::SpinLock change_lock;

[[nodiscard]] uintptr_t entry_address() {
  return reinterpret_cast<uintptr_t>(&on_signal);
}

[[nodiscard]] uintptr_t handler_of(const struct sigaction& action) {
  return reinterpret_cast<uintptr_t>(action.sa_sigaction);
}

// Only called with change_lock held.
void publish(int signal, const Action& action) {
  Slot& slot = slots[signal];
  slot.copies[(slot.version + 1) % 2] = action;
  pal::store(slot.version, slot.version + 1);
}

[[nodiscard]] struct sigaction to_libc(const Action& action) {
  struct sigaction out {};
  out.sa_sigaction = reinterpret_cast<RealHandler>(action.handler);
  pal::store_mask(out.sa_mask, action.mask);
  out.sa_flags = action.flags;
  out.sa_restorer = reinterpret_cast<void (*)()>(action.restorer);
  return out;
}

// As the kernel stores it: without the two signals that cannot be blocked.
[[nodiscard]] Action from_libc(const struct sigaction& action) {
  constexpr SignalMask kUnblockable = signal_bit(SIGKILL) | signal_bit(SIGSTOP);
  return {handler_of(action), pal::to_mask(action.sa_mask) & ~kUnblockable,
          reinterpret_cast<uintptr_t>(action.sa_restorer), action.sa_flags};
}

// True when the runtime's entry stands in the kernel for `action`.
[[nodiscard]] bool stands_in(int signal, const Action& action) {
  if (action.handler == reinterpret_cast<uintptr_t>(SIG_IGN)) return false;
  return in_mask(kCrashMask, signal) || (in_mask(kTerminatingMask, signal) && action.is_default());
}

// What goes to the kernel for an application's action.
[[nodiscard]] struct sigaction kernel_action(int signal, const Action& action) {
  if (!stands_in(signal, action)) {
    Action stripped = action;
    stripped.mask &= ~kSynchronousMask;
    return to_libc(stripped);
  }
  // The entry enters the application's handler with its own flags; only what the kernel does about an interrupted
  // system call has to be the same already.
  const int restart = action.calls_handler() ? action.flags & SA_RESTART : SA_RESTART;
  return to_libc({entry_address(), kHandlerMask, 0, SA_SIGINFO | SA_ONSTACK | SA_NODEFER | restart});
}

// The kernel's previous action as the application is to see it. `noted` is what it set last.
[[nodiscard]] struct sigaction application_view(const struct sigaction& kernel, const Action& noted) {
  if (handler_of(kernel) == entry_address()) return to_libc(noted);
  struct sigaction view = kernel;
  if (handler_of(kernel) == noted.handler) {
    pal::store_mask(view.sa_mask, pal::to_mask(view.sa_mask) | (noted.mask & kSynchronousMask));
  }
  return view;
}

void install(int signal) {
  struct sigaction old {};
  if (pal::next().sigaction(signal, nullptr, &old) != 0) return;
  const Action action = from_libc(old);
  if (!stands_in(signal, action)) return;
  publish(signal, action);
  const struct sigaction ours = kernel_action(signal, action);
  pal::next().sigaction(signal, &ours, nullptr);
}

// Flags as the kernel will report them back.
[[nodiscard]] Action with_restorer(Action action, const struct sigaction& installed) {
  action.flags |= installed.sa_flags & static_cast<int>(pal::kSaRestorer);
  action.restorer = reinterpret_cast<uintptr_t>(installed.sa_restorer);
  return action;
}

int change_action(int signal, const struct sigaction& wanted, struct sigaction* old) {
  Action action = from_libc(wanted);
  if (action.handler == entry_address()) action.handler = 0;  // read from the kernel behind the runtime's back
  const struct sigaction kernel_new = kernel_action(signal, action);
  struct sigaction kernel_old {};
  int result = 0;
  {
    const pal::SignalGuard guard;
    change_lock.lock();
    const Action noted = application_action(signal);
    result = pal::next().sigaction(signal, &kernel_new, &kernel_old);
    if (result == 0) {
      struct sigaction installed {};
      pal::next().sigaction(signal, nullptr, &installed);
      publish(signal, with_restorer(action, installed));
      kernel_old = application_view(kernel_old, noted);
    }
    change_lock.unlock();
  }
  if (result == 0 && old != nullptr) *old = kernel_old;
  return result;
}

}  // namespace

void install_handlers() {
  // A namespace's first process ignores signals whose action is the default one; a handler would end that.
  const bool is_init = pal::process_id() == 1;
  for (const int signal : kCrashSignals) install(signal);
  for (const int signal : kTerminatingSignals) {
    if (!is_init) install(signal);
  }
}

int set_application_action(int signal, const struct sigaction* action, struct sigaction* old) {
  if (session() == nullptr || signal < 1 || signal > kMaxSignal) return pal::next().sigaction(signal, action, old);
  // A child of vfork has actions of its own in the kernel but shares this table with its parent: leave it alone.
  if (action != nullptr && pal::process_id() == joined_pid()) return change_action(signal, *action, old);
  struct sigaction kernel_old {};
  const int result = pal::next().sigaction(signal, action, &kernel_old);
  if (result == 0 && old != nullptr) *old = application_view(kernel_old, application_action(signal));
  return result;
}

Action application_action(int signal) {
  const Slot& slot = slots[signal];
  Action action{};
  for (int tries = 0; tries < 1000; ++tries) {
    const uint32_t version = pal::load(slot.version);
    action = slot.copies[version % 2];
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (pal::load(slot.version) == version) break;
  }
  return action;
}

void reset_application_action(int signal) {
  const pal::SignalGuard guard;
  change_lock.lock();
  Action action = application_action(signal);
  action.handler = 0;
  publish(signal, action);
  change_lock.unlock();
}

void reset_dispositions_lock() {
  change_lock.unlock();
}

}  // namespace segwhy::runtime
