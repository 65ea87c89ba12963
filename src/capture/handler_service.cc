#include "capture/handler_service.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstring>
#include <ctime>

#include "capture/procfs.h"
#include "capture/registers.h"

namespace segwhy {
namespace {

using Clock = std::chrono::steady_clock;

void wake(std::uint32_t& word) {
  ::syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

// Until `word` may have changed from `value`, `slice` at most.
void wait_while(std::uint32_t& word, std::uint32_t value, std::chrono::milliseconds slice) {
  timespec timeout{};
  timeout.tv_sec = slice.count() / 1000;
  timeout.tv_nsec = slice.count() % 1000 * 1000000;
  ::syscall(SYS_futex, &word, FUTEX_WAIT, value, &timeout, nullptr, 0);
}

}  // namespace

HandlerService::HandlerService(wire::CrashRecord& record, std::optional<int> pid, std::chrono::milliseconds patience)
    : record_(record), pid_(pid), patience_(patience) {}

bool HandlerService::ask(std::uint32_t request) {
  if (broken_) return false;
  // Short slices: the process may be killed and then nobody wakes us.
  constexpr std::chrono::milliseconds kSlice(20);
  const auto deadline = Clock::now() + patience_;
  __atomic_store_n(&record_.request, request, __ATOMIC_RELEASE);
  wake(record_.request);
  for (;;) {
    const std::uint32_t now = __atomic_load_n(&record_.request, __ATOMIC_ACQUIRE);
    if (now == wire::kRequestNone) return true;
    const bool given_up = __atomic_load_n(&record_.state, __ATOMIC_ACQUIRE) != wire::kCrashTaken;
    if (now != request || given_up || Clock::now() > deadline) break;
    wait_while(record_.request, request, kSlice);
    if (pid_ && !is_alive(*pid_)) break;
  }
  broken_ = true;
  return false;
}

std::size_t HandlerService::read(TargetAddr from, std::span<std::byte> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const auto want = static_cast<std::uint32_t>(std::min<std::size_t>(out.size() - done, wire::kServiceBytes));
    record_.service_address = from.value() + done;
    record_.service_size = want;
    record_.service_copied = 0;
    if (!ask(wire::kRequestReadMemory)) break;
    const std::uint32_t copied = std::min(record_.service_copied, want);
    std::memcpy(out.data() + done, record_.service, copied);
    done += copied;
    if (copied < want) break;
  }
  return done;
}

Result<std::vector<WaitingThread>> HandlerService::thread_registers() {
  if (!ask(wire::kRequestThreadContexts)) return fail("the waiting handler did not answer");
  const std::uint32_t count = std::min(record_.thread_context_count, wire::kMaxThreadContexts);
  std::vector<WaitingThread> out;
  for (const wire::ThreadContext& context : std::span(record_.threads).first(count)) {
    const bool complete = __atomic_load_n(&context.state, __ATOMIC_ACQUIRE) == 1;
    if (!complete || context.tid == 0 || context.tid > INT_MAX) continue;
    out.push_back({static_cast<int>(context.tid), registers_from_wire(context.registers)});
  }
  return out;
}

}  // namespace segwhy
