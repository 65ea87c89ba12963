#include "runtime/exact/attach.h"

#include <pthread.h>

#include "evidence/wire/recorder.h"
#include "runtime/crash/handler.h"
#include "runtime/crash/process.h"
#include "runtime/crash/thread_state.h"
#include "runtime/exact/exact.h"
#include "runtime/exact/objects.h"
#include "runtime/heap/recorder.h"
#include "runtime/pal/atomic.h"
#include "runtime/trace/stacks.h"

extern "C" {
// The linker's own symbols: where this library's image begins, and where its code ends.
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char etext[] __attribute__((visibility("hidden")));
}

namespace segwhy::runtime::exact {
namespace {

// Each hand-over stops the program for a while; the findings beyond are in the table only.
constexpr uint32_t kMostHandOvers = 16;
uint32_t hand_overs;  // atomic
// Of those, for reads of what was never written: less certain than the others, which are to find room.
constexpr uint32_t kMostUnwritten = 4;
uint32_t unwritten_hand_overs;  // atomic

struct Section {
  wire::AccessTable* table;
  size_t bytes;
};

[[nodiscard]] Section own_section() {
  const wire::AreaHeader* const area = recorder::area();
  if (area == nullptr || area->sections[wire::kSectionAccesses].size < sizeof(wire::AccessTable)) return {nullptr, 0};
  return {recorder::section<wire::AccessTable>(wire::kSectionAccesses), area->sections[wire::kSectionAccesses].size};
}

// Following a stack takes more room than an application's own alternate stack may have left; the monitor follows it
// then.
constexpr size_t kRoomForWalk = 16 * 1024;

// The program survives it, so it is handed over like a signal that has a handler.
void hand_over_finding(siginfo_t& info, ucontext_t& context, wire::AccessFinding* finding) {
  if (finding == nullptr) return;
  if (context.uc_stack.ss_size >= kRoomForWalk) finding->access.stack = trace::intern_stack(context);
  const bool unwritten = (finding->access.flags & wire::kAccessUnwritten) != 0;
  if (unwritten && pal::fetch_add(unwritten_hand_overs, 1) >= kMostUnwritten) return;
  ThreadState* const thread = thread_state();
  if (thread == nullptr || pal::fetch_add(hand_overs, 1) >= kMostHandOvers) return;
  SignalEvent event{SIGSEGV, info, context, {}, 0, true, false, 0};
  event.access_finding = static_cast<uint32_t>(finding - own_section().table->findings) + 1;
  const uint32_t before = thread->last_crash;
  if (hand_over_if_wanted(event)) finding->crash = thread->last_crash;
  thread->last_crash = before;
}

void renew_in_child() {
  pal::store(hand_overs, 0);
  const Section section = own_section();
  after_fork_in_child(section.table, section.bytes);
}

}  // namespace

void attach() {
  if (session()->protect != wire::kProtectExact || recorder::area() == nullptr) return;
  const Section section = own_section();
  Config config;
  config.table = section.table;
  config.table_bytes = section.bytes;
  config.reporter = &hand_over_finding;
  config.runtime_code = {reinterpret_cast<uintptr_t>(__ehdr_start), reinterpret_cast<uintptr_t>(etext)};
  if (start(config) != wire::kExactRunning) return;
  begin_with_program();
  // Behind the runtime's own: the child has its area already.
  pthread_atfork(&before_fork, &after_fork_in_parent, &renew_in_child);
}

}  // namespace segwhy::runtime::exact
