#include "runtime/crash/thread_contexts.h"

#include "runtime/crash/dispositions.h"
#include "runtime/pal/atomic.h"
#include "runtime/pal/futex.h"
#include "runtime/pal/next.h"
#include "runtime/pal/registers.h"
#include "runtime/pal/signals.h"
#include "runtime/pal/spin_lock.h"
#include "runtime/pal/tasks.h"

namespace segwhy::runtime {
namespace {

using wire::CrashRecord;
using wire::ThreadContext;

constexpr uint64_t kPatienceNs = 250'000'000;
constexpr uint64_t kSliceNs = 10'000'000;

// The candidates lie outside the shadow signals and far from SIGRTMIN, where programs choose theirs.
constexpr int kCandidates[] = {63, 56, 55, 54, 64};

pal::SpinLock collecting;
CrashRecord* target;    // of the collection under way
uint32_t answer_count;  // futex word: threads that have answered

void store_own_context(int, siginfo_t*, void* raw) {
  CrashRecord* const record = pal::load(target);
  if (record == nullptr) return;
  const uint32_t tid = pal::thread_id();
  for (ThreadContext& slot : record->threads) {
    if (slot.tid != tid) continue;
    pal::read_registers(*static_cast<ucontext_t*>(raw), slot.registers);
    pal::store(slot.state, 1);
    pal::fetch_add(answer_count, 1);
    pal::futex_wake_all(answer_count);
    return;
  }
}

// A signal that the application has left alone, 0 if there is none.
[[nodiscard]] int pick_signal() {
  for (const int candidate : kCandidates) {
    pal::KernelAction action{};
    if (pal::set_kernel_action(candidate, nullptr, &action) == 0 && action.handler == 0) return candidate;
  }
  return 0;
}

// The restorer that glibc gives to every handler: debuggers know signal frames by it.
[[nodiscard]] uintptr_t libc_restorer() {
  pal::KernelAction ours{};
  pal::set_kernel_action(SIGABRT, nullptr, &ours);
  return ours.restorer;
}

// Lists the threads to ask into the record; the calling one is left out.
[[nodiscard]] uint32_t list_others(CrashRecord& record) {
  uint32_t tids[wire::kMaxThreadContexts];
  const uint32_t self = pal::thread_id();
  const size_t found = pal::list_threads(tids, wire::kMaxThreadContexts);
  uint32_t count = 0;
  for (size_t i = 0; i < found; ++i) {
    if (tids[i] == self) continue;
    pal::store(record.threads[count].state, 0);
    record.threads[count++].tid = tids[i];
  }
  for (uint32_t i = count; i < wire::kMaxThreadContexts; ++i) record.threads[i].tid = 0;
  return count;
}

void wait_for_answers(uint32_t expected) {
  const uint64_t deadline = pal::monotonic_ns() + kPatienceNs;
  for (uint32_t seen = 0; (seen = pal::load(answer_count)) < expected && pal::monotonic_ns() < deadline;) {
    pal::futex_wait(answer_count, seen, kSliceNs);
  }
}

void ask_threads(CrashRecord& record, uint32_t count, int signal) {
  pal::KernelAction action{};
  action.handler = reinterpret_cast<uintptr_t>(&store_own_context);
  action.flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART | pal::kSaRestorer;
  action.restorer = libc_restorer();
  action.mask = kHandlerMask;
  if (action.restorer == 0 || pal::set_kernel_action(signal, &action) != 0) return;

  pal::store(answer_count, 0);
  pal::store(target, &record);
  uint32_t asked = 0;
  for (uint32_t i = 0; i < count; ++i) {
    if (pal::send_to_thread(record.threads[i].tid, signal) == 0) ++asked;
  }
  wait_for_answers(asked);
  pal::store(target, static_cast<CrashRecord*>(nullptr));

  // Ignoring it first discards it where it is still pending; the default action would kill there.
  const pal::KernelAction ignore{reinterpret_cast<uintptr_t>(SIG_IGN), 0, 0, 0};
  pal::set_kernel_action(signal, &ignore);
  pal::set_default_action(signal);
}

}  // namespace

void collect_thread_contexts(CrashRecord& record) {
  record.thread_context_count = 0;
  if (!collecting.try_lock()) return;
  const uint32_t count = list_others(record);
  const int signal = pick_signal();
  if (signal != 0 && count != 0) ask_threads(record, count, signal);
  record.thread_context_count = count;
  collecting.unlock();
}

}  // namespace segwhy::runtime
