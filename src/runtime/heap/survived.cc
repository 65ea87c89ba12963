#include "runtime/heap/survived.h"

#include <ucontext.h>

#include "evidence/wire/blocks.h"
#include "runtime/crash/handler.h"
#include "runtime/crash/process.h"
#include "runtime/crash/thread_state.h"
#include "runtime/pal/atomic.h"
#include "runtime/pal/signals.h"

namespace segwhy::runtime::heap {
namespace {

uint32_t unshown;  // atomic; index+1 of the first finding, 0: none
bool shown;

// The program survives it, so it is handed over like a signal that has a handler: one that nobody sent, for there is
// none. The registers are those of this place: the runtime's own frames are the innermost.
void hand_over_finding(uint32_t finding) {
  ThreadState* const thread = thread_state();
  if (thread == nullptr || !monitor_alive()) return;
  siginfo_t info{};
  ucontext_t context{};
  if (getcontext(&context) != 0) return;
  pal::set_signal_stack(nullptr, &context.uc_stack);
  SignalEvent event{SIGTRAP, info, context, {}, 0, true, false, 0};
  event.access_finding = wire::kHeapFinding | finding;
  const uint32_t before = thread->last_crash;
  hand_over_if_wanted(event);
  thread->last_crash = before;
}

}  // namespace

void note_survived_finding(uint32_t index) {
  (void)pal::compare_exchange(unshown, 0u, index + 1);
}

void show_findings() {
  if (__builtin_expect(pal::load(unshown) == 0, 1)) return;
  const uint32_t finding = pal::exchange(unshown, 0u);
  if (finding == 0 || pal::exchange(shown, true)) return;
  hand_over_finding(finding);
}

void forget_findings() {
  pal::store(unshown, 0u);
  pal::store(shown, false);
}

}  // namespace segwhy::runtime::heap
