#include "runtime/crash/handover.h"

#include <string.h>
#include <sys/prctl.h>

#include "runtime/crash/process.h"
#include "runtime/crash/request_service.h"
#include "runtime/crash/thread_state.h"
#include "runtime/pal/atomic.h"
#include "runtime/pal/futex.h"
#include "runtime/pal/guarded_copy.h"
#include "runtime/pal/next.h"
#include "runtime/pal/registers.h"

// The runtime's own code, from the linker.
extern "C" {
__attribute__((visibility("hidden"))) extern const char __ehdr_start[];
__attribute__((visibility("hidden"))) extern const char etext[];
}

namespace segwhy::runtime {
namespace {

using wire::CrashRecord;

// How long one wait lasts before the monitor's life is checked again: the longest delay its death can cause.
constexpr uint64_t kWaitSliceNs = 20'000'000;
// Against a scribbled-over session: no crash waits longer, whatever crash_wait_ms says.
constexpr uint64_t kLongestWaitNs = 120'000'000'000;

[[nodiscard]] bool in_own_code(uint64_t pc) {
  return pc >= reinterpret_cast<uint64_t>(__ehdr_start) && pc < reinterpret_cast<uint64_t>(etext);
}

[[nodiscard]] CrashRecord* claim_record() {
  for (CrashRecord& record : session()->crashes) {
    if (pal::load(record.state) == wire::kCrashFree &&
        pal::compare_exchange(record.state, wire::kCrashFree, wire::kCrashFilling)) {
      return &record;
    }
  }
  pal::fetch_add(session()->lost_crashes, 1);
  return nullptr;
}

// The application's handler for `record` still runs: what it blocks is blocked, and the frame that it was entered on is
// below the top of the stack with its ucontext intact.
[[nodiscard]] bool handler_runs(const ThreadState& thread, const CrashRecord& record, const ucontext_t& now) {
  const uintptr_t frame = thread.handler_frame;
  if (frame == 0 || pal::stack_pointer(now) >= frame) return false;
  if ((thread.handler_mask & ~pal::to_mask(now.uc_sigmask)) != 0) return false;
  ucontext_t context;
  constexpr size_t kNeeded = offsetof(ucontext_t, uc_mcontext) + sizeof context.uc_mcontext.gregs;
  if (pal::guarded_copy(&context, reinterpret_cast<const void*>(frame + 8), kNeeded) != kNeeded) return false;
  return pal::program_counter(context) == record.registers.rip && pal::stack_pointer(context) == record.registers.rsp;
}

// CrashRecord index+1 of the earlier hand-over that `record` follows from: the application's handler for it has raised
// or faulted again, or has returned to the same instruction, which did.
[[nodiscard]] uint32_t predecessor(const ThreadState& thread, const CrashRecord& record, const ucontext_t& now) {
  if (thread.last_crash == 0 || thread.last_crash > wire::kMaxCrashes) return 0;
  const CrashRecord& last = session()->crashes[thread.last_crash - 1];
  if (last.tid != record.tid || last.pid != record.pid || pal::load(last.state) == wire::kCrashFree) return 0;
  const bool same_fault = last.signal == record.signal && last.registers.rip == record.registers.rip &&
                          last.registers.rsp == record.registers.rsp;
  return same_fault || handler_runs(thread, last, now) ? thread.last_crash : 0;
}

// struct abort_msg_s of glibc, for the text that precedes an abort() (assert, heap checks, fortify): a size, the text.
constexpr size_t kAbortTextOffset = sizeof(unsigned int);

void copy_abort_text(CrashRecord& record) {
  record.abort_text_address = 0;
  record.abort_text_size = 0;
  const char* message = nullptr;
  const void* const variable = pal::abort_message_variable();
  if (variable == nullptr || pal::guarded_copy(&message, variable, sizeof message) != sizeof message) return;
  if (message == nullptr) return;
  record.abort_text_address = reinterpret_cast<uint64_t>(message);
  const size_t copied = pal::guarded_copy(record.abort_text, message + kAbortTextOffset, sizeof record.abort_text);
  record.abort_text_size = static_cast<uint32_t>(strnlen(reinterpret_cast<const char*>(record.abort_text), copied));
}

void fill_record(CrashRecord& record, const SignalEvent& event) {
  const ThreadState& thread = nearby_thread_state();
  record.request = wire::kRequestNone;
  record.pid = pal::process_id();
  record.tid = pal::thread_id();
  record.signal = event.signal;
  record.has_application_handler = event.has_application_handler ? 1 : 0;
  record.time_ns = pal::monotonic_ns();
  record.ucontext_address = reinterpret_cast<uint64_t>(&event.context);
  record.siginfo_address = reinterpret_cast<uint64_t>(&event.info);
  record.signal_mask = thread.mask.application_mask(pal::to_mask(event.context.uc_sigmask));
  record.alternate_stack_base = reinterpret_cast<uint64_t>(event.context.uc_stack.ss_sp);
  record.alternate_stack_size = event.context.uc_stack.ss_size;
  record.thread_context_count = 0;
  record.service_size = 0;
  record.service_copied = 0;
  record.access_finding = event.access_finding;
  static_assert(sizeof record.siginfo == sizeof event.info);
  memcpy(record.siginfo, &event.info, sizeof record.siginfo);
  pal::read_registers(event.context, record.registers);
  record.in_runtime = in_own_code(record.registers.rip) ? 1 : 0;
  record.follows = record.tid == thread.tid ? predecessor(thread, record, event.context) : 0;
  copy_abort_text(record);
}

// Serves requests until the monitor releases the signal (true) or cannot be expected to any more (false).
[[nodiscard]] bool wait_for_release(CrashRecord& record) {
  const uint64_t allowed = uint64_t{session()->crash_wait_ms} * 1'000'000;
  const uint64_t deadline = pal::monotonic_ns() + (allowed < kLongestWaitNs ? allowed : kLongestWaitNs);
  for (;;) {
    const uint32_t request = pal::load(record.request);
    if (request != wire::kRequestNone) {
      serve_request(record, request);
      pal::store(record.request, wire::kRequestNone);
      pal::futex_wake_all(record.request);
      if (request == wire::kRequestRelease) return true;
      continue;
    }
    if (!monitor_alive() || pal::monotonic_ns() >= deadline) return false;
    pal::futex_wait(record.request, wire::kRequestNone, kWaitSliceNs);
  }
}

// Lets the monitor attach where Yama allows that to declared tracers only. Not possible in all kernels; no matter.
void allow_tracing(bool allow) {
  pal::syscall(SYS_prctl, PR_SET_PTRACER, allow ? PR_SET_PTRACER_ANY : 0UL, 0, 0, 0);
}

}  // namespace

void hand_over(const SignalEvent& event) {
  const uint32_t pid = pal::process_id();
  if (pid != joined_pid()) note_unannounced_child(pid);
  CrashRecord* const record = claim_record();
  if (record == nullptr) {
    ring_doorbell();
    return;
  }
  fill_record(*record, event);
  if (ThreadState* const thread = thread_state()) {
    thread->last_crash = static_cast<uint32_t>(record - session()->crashes) + 1;
    thread->handler_frame = 0;
  }
  allow_tracing(true);
  pal::store(record->state, wire::kCrashReady);
  ring_doorbell();
  if (!wait_for_release(*record)) pal::store(record->state, wire::kCrashReleased);
  // A program that survives by its own handler gets the kernel's default back.
  if (event.has_application_handler) allow_tracing(false);
}

void abandon_hand_over(const ThreadState& thread) {
  if (thread.last_crash == 0 || thread.last_crash > wire::kMaxCrashes) return;
  CrashRecord& record = session()->crashes[thread.last_crash - 1];
  const uint32_t state = pal::load(record.state);
  if (record.tid != thread.tid || (state != wire::kCrashReady && state != wire::kCrashTaken)) return;
  record.in_runtime = 1;
  pal::store(record.state, wire::kCrashReleased);
}

}  // namespace segwhy::runtime
