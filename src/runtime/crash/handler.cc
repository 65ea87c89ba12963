#include "runtime/crash/handler.h"

#include "runtime/crash/handover.h"
#include "runtime/crash/process.h"
#include "runtime/crash/recovery.h"
#include "runtime/crash/signal_event.h"
#include "runtime/crash/thread_state.h"
#include "runtime/exact/fault.h"
#include "runtime/heap/arena.h"
#include "runtime/pal/atomic.h"
#include "runtime/pal/guarded_copy.h"
#include "runtime/pal/registers.h"
#include "runtime/pal/signal_frame.h"
#include "runtime/pal/tasks.h"

namespace segwhy::runtime {
namespace {

constexpr uint64_t kTrapGeneralProtection = 13;
constexpr int kAutoDisarm = static_cast<int>(1u << 31);  // SS_AUTODISARM of <linux/signal.h>

// Fatal signals with a handler of the application's that were handed over so far.
uint32_t handled_count;

[[nodiscard]] SignalMask interrupted_mask(const ucontext_t& context) {
  return pal::to_mask(context.uc_sigmask);
}

// A guard or a revoked block traps as SIGBUS where userfaultfd makes it so: for the program it is a bad address like
// any other. True: `info` now says that.
[[nodiscard]] bool make_memory_fault(siginfo_t& info) {
  if (info.si_signo != SIGBUS || info.si_code <= 0 || !heap::traps_as_bus_error(info.si_addr)) return false;
  info.si_signo = SIGSEGV;
  info.si_code = SEGV_ACCERR;
  return true;
}

[[nodiscard]] SignalEvent make_event(siginfo_t& info, ucontext_t& context) {
  const bool translated = make_memory_fault(info);
  const int signal = info.si_signo;
  SignalEvent event{signal, info, context, application_action(signal), 0, false, translated, 0};
  event.blocked = nearby_thread_state().mask.blocked_under(interrupted_mask(context));
  // A fault under a blocked signal kills, whatever handler there is.
  event.has_application_handler = event.action.calls_handler() && !(event.is_fault() && in_mask(event.blocked, signal));
  return event;
}

// Leaves a signal that was sent while the application (or the hand-over under way) blocks it to the kernel: blocked for
// real, it waits until it is unblocked.
void pend(const SignalEvent& event) {
  const SignalMask bit = signal_bit(event.signal);
  pal::change_mask(SIG_BLOCK, bit);
  pal::store_mask(event.context.uc_sigmask, interrupted_mask(event.context) | bit);
  if (event.info.si_code == SI_TKILL) {
    pal::queue_to_thread(pal::thread_id(), event.signal, &event.info);
  } else {
    pal::queue_to_process(event.signal, &event.info);
  }
}

// Notes who sent a terminating signal. True when the monitor should look at the program before it dies: not when the
// program itself ends its workers, which is ordinary and has to stay cheap. A shell or timeout(1) is another program.
[[nodiscard]] bool note_termination(const SignalEvent& event) {
  const auto sender = static_cast<uint32_t>(event.info.si_code <= 0 ? event.info.si_pid : 0);
  if (wire::ProcessRecord* const record = process_record()) {
    record->kill_sender_pid = sender;
    record->kill_sender_uid = event.info.si_code <= 0 ? event.info.si_uid : 0;
    record->kill_code = event.info.si_code;
    pal::store(record->kill_signal, event.signal);
  }
  ring_doorbell();
  return sender == 0 || sender == pal::process_id() || !in_session(sender) || !pal::runs_same_program(sender);
}

[[nodiscard]] bool wants_hand_over(const SignalEvent& event) {
  if (event.access_finding != 0) return true;
  if (!in_mask(kCrashMask, event.signal)) return note_termination(event);
  if (!event.has_application_handler) return true;
  return pal::load(handled_count) < session()->handled_capture_limit &&
         pal::fetch_add(handled_count, 1) < session()->handled_capture_limit;
}

// Notes a terminating signal and hands over what is to be handed over, on the current stack. `event` is all it needs.
struct Attempt {
  const SignalEvent& event;
  bool handed_over;
};

void attempt_hand_over(void* argument) {
  auto& attempt = *static_cast<Attempt*>(argument);
  if (!wants_hand_over(attempt.event)) return;
  attempt.handed_over = true;
  hand_over(attempt.event);
}

// The same with a net under it: whatever state the session's memory is in, the signal takes its course afterwards.
void attempt_recoverably(void* argument) {
  ThreadState& thread = nearby_thread_state();
  if (run_recoverably(thread, &attempt_hand_over, argument)) return;
  (void)run_recoverably(
      thread, [](void* state) { abandon_hand_over(*static_cast<const ThreadState*>(state)); }, &thread);
}

// True when returning to the interrupted instruction raises the same fault again.
[[nodiscard]] bool faults_again(const SignalEvent& event) {
  constexpr SignalMask kRestartable =
      signal_bit(SIGSEGV) | signal_bit(SIGBUS) | signal_bit(SIGILL) | signal_bit(SIGFPE);
  if (!event.is_fault() || event.translated || !in_mask(kRestartable, event.signal)) return false;
  if (event.info.si_code == SI_KERNEL) {
    // A general-protection fault; else the kernel's way to say that a signal frame could not be written.
    return pal::reg(event.context, REG_TRAPNO) == kTrapGeneralProtection;
  }
  return event.signal != SIGBUS || event.info.si_code != BUS_MCEERR_AO;
}

// Lets the default action happen, at the interrupted instruction: core file and status are those of a plain run.
void die(const SignalEvent& event) {
  pal::set_default_action(event.signal);
  if (faults_again(event)) return;
  const SignalMask bit = signal_bit(event.signal);
  pal::change_mask(SIG_BLOCK, bit);  // deliver it when this handler has returned, not inside
  pal::store_mask(event.context.uc_sigmask, interrupted_mask(event.context) & ~bit);
  if (pal::queue_to_thread(pal::thread_id(), event.signal, &event.info) != 0) {
    pal::send_to_thread(pal::thread_id(), event.signal);
  }
}

// The mask for the application's handler; the view of the thread follows.
[[nodiscard]] SignalMask enter_handler_mask(const SignalEvent& event) {
  const SignalMask kernel = interrupted_mask(event.context);
  const bool defer = (event.action.flags & SA_NODEFER) == 0;
  const SignalMask added = event.action.mask | (defer ? signal_bit(event.signal) : 0);
  ThreadState* const thread = thread_state();
  if (thread == nullptr) return kernel | kernel_mask(added);

  const MaskChange change = change_view(thread->mask, kernel, SIG_BLOCK, added);
  // Where the application blocks a shadow for itself, its state says nothing about the handler's end: such a thread
  // rather sees its signal unblocked too early than for ever blocked.
  const SignalMask untracked = shadowed_by(thread->mask.owned_shadows & kernel) & ~thread->mask.blocked_under(kernel);
  thread->mask = {change.view.blocked & ~untracked, change.view.owned_shadows};
  return kernel | change.kernel;
}

// The kernel built its frame where a plain run would have it.
[[nodiscard]] bool frame_is_in_place(const SignalEvent& event) {
  if (!pal::frame_switched_stack(event.context)) return true;
  if ((event.action.flags & SA_ONSTACK) == 0) return false;
  const AltStack* const own = nearby_thread_state().stack;
  const bool on_own = own != nullptr && event.context.uc_stack.ss_sp == own->base;
  return !on_own || own->application.ss_size != 0;
}

void run_application_handler(const SignalEvent& event, bool handed_over) {
  if ((event.action.flags & static_cast<int>(SA_RESETHAND)) != 0) reset_application_action(event.signal);
  const SignalMask before = interrupted_mask(event.context);
  const pal::HandlerCall call{event.signal, event.action.handler, enter_handler_mask(event)};
  ThreadState* const noted = handed_over ? thread_state() : nullptr;
  if (noted != nullptr) noted->handler_mask = call.mask & ~before;
  if (frame_is_in_place(event)) {
    if (noted != nullptr) noted->handler_frame = reinterpret_cast<uintptr_t>(&event.context) - 8;
    pal::enter_handler_in_place(event.context, event.info, call);
  }
  if (!pal::redirect_to_interrupted_stack(event.context, event.info, call)) {
    // As the kernel does when it cannot write a signal frame.
    if (event.signal == SIGSEGV) return die(event);
    pal::set_default_action(SIGSEGV);
    pal::send_to_thread(pal::thread_id(), SIGSEGV);
    return;
  }
  if (noted != nullptr) noted->handler_frame = pal::stack_pointer(event.context);
}

}  // namespace

// The kernel may have started the handler on a stack of the application's with little room: the runtime's own is used
// for the real work, and named to the kernel meanwhile, so that a fault of the runtime's own lands on it too.
// True when the signal was handed over.
bool hand_over_if_wanted(const SignalEvent& event) {
  Attempt attempt{event, false};
  const ThreadState* const thread = thread_state();
  if (thread == nullptr) {  // on borrowed TLS, which cannot hold a net
    attempt_hand_over(&attempt);
    return attempt.handed_over;
  }
  AltStack* const stack = thread->stack;
  if (stack == nullptr || stack->holds(reinterpret_cast<uintptr_t>(__builtin_frame_address(0)))) {
    attempt_recoverably(&attempt);
    return attempt.handed_over;
  }
  pal::call_on_stack(
      stack->top(),
      [](void* argument) {
        install_alt_stack(nearby_thread_state().stack);
        attempt_recoverably(argument);
      },
      &attempt);
  stack_t before = event.context.uc_stack;
  if ((before.ss_flags & kAutoDisarm) != 0) before = {nullptr, SS_DISABLE, 0};
  pal::set_signal_stack(&before);
  return attempt.handed_over;
}

void on_signal(int, siginfo_t* info, void* context) {
  if (exact::carry_out(*info, *static_cast<ucontext_t*>(context))) return;
  const SignalEvent event = make_event(*info, *static_cast<ucontext_t*>(context));
  if (event.is_fault() && pal::fix_up_guarded_copy(event.context)) return;
  if (runs_recoverably(nearby_thread_state()) && thread_state() != nullptr) {
    if (event.is_fault()) give_up_faulted(nearby_thread_state());
    return pend(event);
  }
  if (!event.is_fault() && in_mask(event.blocked, event.signal)) return pend(event);

  const bool handed_over = hand_over_if_wanted(event);
  if (event.has_application_handler) {
    run_application_handler(event, handed_over);
  } else {
    die(event);
  }
}

void reset_handled_count() {
  pal::store(handled_count, 0);
}

}  // namespace segwhy::runtime
