#include "capture/freezer.h"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <map>
#include <semaphore>
#include <system_error>
#include <thread>

#include "capture/procfs.h"
#include "capture/registers.h"

namespace segwhy {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kEventStop = 128;  // PTRACE_EVENT_STOP, which glibc's <sys/ptrace.h> of Debian 12 does not name

struct Tracee {
  enum class State { kRunning, kStopped, kGone, kStuck };

  State state = State::kRunning;
  int signal_to_deliver = 0;
  std::optional<Clock::time_point> asleep_since;  // first seen in uninterruptible sleep
  std::optional<Registers> registers;
};

bool in_uninterruptible_sleep(int pid, int tid) {
  const auto stat = parse_stat(read_proc(task_path(pid, tid, "stat")));
  return stat && stat->state == 'D';
}

// The tracing side of one freeze. All members run on the one helper thread.
class Tracer {
 public:
  Tracer(int pid, const FreezeLimits& limits) : pid_(pid), limits_(limits), deadline_(Clock::now() + limits.total) {}

  Status attach_all();
  void detach_all();
  [[nodiscard]] std::vector<FrozenThread> threads() const;

 private:
  Result<bool> seize_new();
  void wait_for_stops();
  [[nodiscard]] Tracee::State look_at(int tid, Tracee& tracee) const;
  Status read_registers();

  int pid_;
  FreezeLimits limits_;
  Clock::time_point deadline_;
  std::map<int, Tracee> tracees_;
};

// Threads that are not stopped yet may start others: look again until there is none that is not ours.
Status Tracer::attach_all() {
  for (;;) {
    const auto found_new = seize_new();
    if (!found_new) return tl::unexpected<Error>(found_new.error());
    if (!*found_new) break;
    wait_for_stops();
    if (Clock::now() > deadline_) break;
  }
  const bool any = std::any_of(tracees_.begin(), tracees_.end(),
                               [](const auto& t) { return t.second.state != Tracee::State::kGone; });
  if (!any) return fail("process " + std::to_string(pid_) + " is gone");
  return read_registers();
}

Result<bool> Tracer::seize_new() {
  bool found_new = false;
  for (const int tid : list_tasks(pid_)) {
    const auto [it, is_new] = tracees_.try_emplace(tid);
    if (!is_new) continue;
    found_new = true;
    const bool ours =
        ::ptrace(PTRACE_SEIZE, tid, nullptr, nullptr) == 0 && ::ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr) == 0;
    if (ours) continue;
    // A thread that has ended but is not reaped yet (a leader that called pthread_exit) refuses with EPERM.
    if (errno == ESRCH || !is_alive(tid)) {
      it->second.state = Tracee::State::kGone;
      continue;
    }
    return fail_errno("ptrace of process " + std::to_string(pid_) + " refused", errno);
  }
  return found_new;
}

// Polls: the kernel offers no wait with a time limit, and the SIGCHLDs belong to the rest of this process.
void Tracer::wait_for_stops() {
  auto pause = std::chrono::microseconds(20);
  for (;;) {
    bool waiting = false;
    for (auto& [tid, tracee] : tracees_) {
      if (tracee.state == Tracee::State::kRunning) tracee.state = look_at(tid, tracee);
      waiting = waiting || tracee.state == Tracee::State::kRunning;
    }
    if (!waiting) return;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(1000));
  }
}

Tracee::State Tracer::look_at(int tid, Tracee& tracee) const {
  siginfo_t info{};
  // Without WEXITED: the status of a thread that has died is not ours to consume.
  const int done = ::waitid(P_PID, static_cast<id_t>(tid), &info, WSTOPPED | WNOHANG | __WALL | __WNOTHREAD);
  if (done != 0 && errno == ECHILD) return Tracee::State::kGone;
  if (done == 0 && info.si_pid == tid) {
    const int event = info.si_status >> 8;
    // Anything but the stop we asked for is a signal on its way to the thread.
    if (event != kEventStop) tracee.signal_to_deliver = info.si_status & 0x7f;
    return Tracee::State::kStopped;
  }
  const auto now = Clock::now();
  if (!is_alive(tid)) return Tracee::State::kGone;
  if (now > deadline_) return Tracee::State::kStuck;
  if (!in_uninterruptible_sleep(pid_, tid)) {
    tracee.asleep_since.reset();
    return Tracee::State::kRunning;
  }
  if (!tracee.asleep_since) tracee.asleep_since = now;
  return now - *tracee.asleep_since > limits_.uninterruptible ? Tracee::State::kStuck : Tracee::State::kRunning;
}

Status Tracer::read_registers() {
  for (auto& [tid, tracee] : tracees_) {
    if (tracee.state != Tracee::State::kStopped) continue;
    std::array<std::uint64_t, kUserRegisterCount> registers{};
    iovec into{registers.data(), sizeof registers};
    if (::ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &into) != 0) {
      tracee.state = Tracee::State::kGone;  // killed since
      continue;
    }
    if (into.iov_len != sizeof registers) {
      return fail("process " + std::to_string(pid_) + " is a 32-bit program: only 64-bit x86-64 is supported");
    }
    tracee.registers = registers_from_user_regs(registers);
  }
  return {};
}

void Tracer::detach_all() {
  for (const auto& [tid, tracee] : tracees_) {
    if (tracee.state != Tracee::State::kStopped) continue;
    ::ptrace(PTRACE_DETACH, tid, nullptr, static_cast<std::intptr_t>(tracee.signal_to_deliver));
  }
}

std::vector<FrozenThread> Tracer::threads() const {
  std::vector<FrozenThread> out;
  for (const auto& [tid, tracee] : tracees_) {
    if (tracee.state == Tracee::State::kGone) continue;
    out.push_back({tid, tracee.registers});
  }
  return out;
}

}  // namespace

// Runs a Tracer on its own thread: attach, tell, wait for the word, detach, end.
struct Freezer::Helper {
  void run(int pid, const FreezeLimits& limits) {
    Tracer tracer(pid, limits);
    outcome = tracer.attach_all();
    if (outcome) threads = tracer.threads();
    frozen.release();
    if (outcome) let_go.acquire();
    tracer.detach_all();
  }

  Status outcome;
  std::vector<FrozenThread> threads;
  std::binary_semaphore frozen{0};
  std::binary_semaphore let_go{0};
  std::thread thread;
};

Result<std::unique_ptr<Freezer>> Freezer::freeze(int pid, const FreezeLimits& limits) {
  if (pid == ::getpid()) return fail("a process cannot freeze itself");
  auto helper = std::make_unique<Helper>();
  // The helper inherits a full signal mask: signals are for the threads that expect them.
  sigset_t all;
  sigset_t old;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &old);
  int refused = 0;
  try {
    helper->thread = std::thread([&h = *helper, pid, limits] { h.run(pid, limits); });
  } catch (const std::system_error& e) {
    refused = e.code().value();
  }
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
  if (refused != 0) return fail_errno("start a thread to stop process " + std::to_string(pid), refused);
  helper->frozen.acquire();
  std::unique_ptr<Freezer> freezer(new Freezer(std::move(helper)));
  if (!freezer->helper_->outcome) return tl::unexpected<Error>(freezer->helper_->outcome.error());
  return freezer;
}

Freezer::Freezer(std::unique_ptr<Helper> helper) : helper_(std::move(helper)) {}

Freezer::~Freezer() {
  release();
}

const std::vector<FrozenThread>& Freezer::threads() const {
  return helper_->threads;
}

void Freezer::release() {
  if (!helper_->thread.joinable()) return;
  helper_->let_go.release();
  helper_->thread.join();
}

}  // namespace segwhy
