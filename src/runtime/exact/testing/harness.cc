#include "runtime/exact/testing/harness.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cstdio>
#include <cstdlib>

#include "runtime/exact/blocks.h"
#include "runtime/exact/fault.h"
#include "runtime/pal/guarded_copy.h"

namespace segwhy::runtime::exact::testing {
namespace {

constexpr std::size_t kTableBytes = std::size_t{4} << 20;
constexpr std::size_t kStackBytes = 64 * 1024;

wire::AccessTable* table;
std::uint32_t taken;

void on_fault(int signal, siginfo_t* info, void* raw) {
  auto& context = *static_cast<ucontext_t*>(raw);
  if (carry_out(*info, context)) return;
  if (pal::fix_up_guarded_copy(context)) return;
  struct sigaction plain {};
  plain.sa_handler = SIG_DFL;
  sigaction(signal, &plain, nullptr);  // the instruction faults again, for good
}

void* map(std::size_t bytes) {
  void* const address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED) std::abort();
  return address;
}

// In a forked child: a table of its own.
wire::AccessTable* renewed_table() {
  table = static_cast<wire::AccessTable*>(map(kTableBytes));
  taken = 0;
  return table;
}

void install() {
  struct sigaction action {};
  action.sa_sigaction = &on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigfillset(&action.sa_mask);
  for (const int synchronous : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS}) {
    sigdelset(&action.sa_mask, synchronous);
  }
  for (const int synchronous : {SIGSEGV, SIGSYS}) sigaction(synchronous, &action, nullptr);
}

}  // namespace

wire::AccessTable& start_exact() {
  static const bool started = [] {
    table = static_cast<wire::AccessTable*>(map(kTableBytes));
    install();
    static const AlternateStack main_stack;
    Config config;
    config.table = table;
    config.table_bytes = kTableBytes;
    config.access_budget = 0xffffffff;
    const wire::ExactRefusal refusal = start(config);
    if (refusal != wire::kExactRunning) {
      std::fprintf(stderr, "exact mode does not start here: %u\n", static_cast<unsigned>(refusal));
      std::abort();
    }
    pthread_atfork(&before_fork, &after_fork_in_parent, [] { after_fork_in_child(renewed_table(), kTableBytes); });
    return true;
  }();
  (void)started;
  return *table;
}

AlternateStack::AlternateStack() : base_(map(kStackBytes)) {
  const stack_t stack{base_, 0, kStackBytes};
  sigaltstack(&stack, nullptr);
}

AlternateStack::~AlternateStack() {
  const stack_t disabled{nullptr, SS_DISABLE, 0};
  sigaltstack(&disabled, nullptr);
  munmap(base_, kStackBytes);
}

std::vector<wire::AccessFinding> take_findings() {
  std::vector<wire::AccessFinding> found;
  const std::uint32_t count = table->finding_count;
  for (; taken < count && taken < wire::kMaxAccessFindings; ++taken) found.push_back(table->findings[taken]);
  return found;
}

const wire::WatchedBlock& record_of(const void* pointer) {
  return *published(nearest_block(reinterpret_cast<std::uintptr_t>(pointer)));
}

std::uint64_t accesses_carried_out() {
  return table->accesses;
}
std::uint64_t unsupported() {
  return table->unsupported;
}

}  // namespace segwhy::runtime::exact::testing
