#include "capture/crash_facts.h"

#include <cstring>
#include <span>
#include <string>

#include "base/byte_view.h"
#include "capture/registers.h"
#include "capture/signal_info.h"

namespace segwhy {
namespace {

constexpr std::uint64_t kPageFaultTrap = 14;

std::uint32_t load(const std::uint32_t& word) {
  return __atomic_load_n(&word, __ATOMIC_ACQUIRE);
}

// What is judged of a record; copied as bytes, because the writer may be at work.
struct Copy {
  std::uint32_t state = 0, pid = 0, tid = 0, follows = 0;
  std::int32_t signal = 0;
  std::array<std::byte, wire::kSigInfoBytes> siginfo{};
  wire::RegisterSet registers{};
};

Copy copy_of(const wire::CrashRecord& record) {
  Copy copy;
  copy.state = load(record.state);
  copy.pid = record.pid;
  copy.tid = record.tid;
  copy.follows = record.follows;
  copy.signal = record.signal;
  std::memcpy(copy.siginfo.data(), record.siginfo, copy.siginfo.size());
  std::memcpy(&copy.registers, &record.registers, sizeof copy.registers);
  return copy;
}

bool same_thread(const Copy& a, const Copy& b) {
  return a.pid == b.pid && a.tid == b.tid;
}

bool handed_over(const Copy& copy) {
  return copy.state == wire::kCrashReady || copy.state == wire::kCrashTaken || copy.state == wire::kCrashReleased;
}

// The first of the faults that led to `last`. Each step is checked; a chain longer than the table is a loop.
Copy origin_of(const wire::Session& session, Copy last) {
  for (std::uint32_t steps = 0; steps < wire::kMaxCrashes; ++steps) {
    if (last.follows == 0 || last.follows > wire::kMaxCrashes) break;
    const Copy earlier = copy_of(session.crashes[last.follows - 1]);
    if (!same_thread(earlier, last) || !handed_over(earlier)) break;
    last = earlier;
  }
  return last;
}

SignalSnapshot signal_of(const Copy& copy) {
  SignalSnapshot signal = parse_siginfo(ByteView(copy.siginfo)).value_or(SignalSnapshot{});
  if (signal.number != copy.signal) {  // the siginfo was damaged: the number alone is known
    signal = SignalSnapshot{};
    signal.number = copy.signal;
  }
  const bool fault = signal.code > 0;
  if (fault) signal.trap_number = copy.registers.trap_number;
  if (fault && signal.trap_number == kPageFaultTrap) signal.page_fault_error = copy.registers.page_fault_error;
  return signal;
}

}  // namespace

Result<CrashFacts> crash_facts(const wire::Session& session, std::uint32_t crash_index) {
  if (crash_index >= wire::kMaxCrashes) return fail("no crash record " + std::to_string(crash_index));
  const Copy record = copy_of(session.crashes[crash_index]);
  if (record.state != wire::kCrashTaken) {
    return fail("crash record " + std::to_string(crash_index) + " is not waiting (state " +
                std::to_string(record.state) + ")");
  }
  const bool plausible = record.pid > 0 && record.pid <= INT32_MAX && record.tid > 0 && record.tid <= INT32_MAX &&
                         record.signal > 0 && record.signal < 65;
  if (!plausible) return fail("crash record " + std::to_string(crash_index) + " is damaged");
  const Copy origin = origin_of(session, record);
  return CrashFacts{static_cast<int>(origin.pid), static_cast<int>(origin.tid), signal_of(origin),
                    registers_from_wire(origin.registers)};
}

std::vector<WaitingThread> threads_in_handlers(const wire::Session& session, int pid) {
  std::vector<WaitingThread> out;
  for (const wire::CrashRecord& record : session.crashes) {
    const Copy copy = copy_of(record);
    const bool waits = copy.state == wire::kCrashReady || copy.state == wire::kCrashTaken;
    if (!waits || static_cast<int>(copy.pid) != pid) continue;
    out.push_back({static_cast<int>(copy.tid), registers_from_wire(origin_of(session, copy).registers)});
  }
  return out;
}

}  // namespace segwhy
