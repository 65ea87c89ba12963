#include "monitor/monitor.h"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <exception>
#include <utility>

#include "base/clock.h"
#include "monitor/membership.h"
#include "monitor/pidfd.h"

namespace segwhy {
namespace {

// Ends and starts of processes are handled in batches of this length: a storm of forks must not become one of wake-ups.
constexpr std::uint64_t kBatchNs = 1'000'000;
// Command lines of processes that live shorter are not worth a look at each.
constexpr std::uint64_t kSettledNs = 100'000'000;
// How often to look when there is something that no descriptor tells of.
constexpr int kUnwatchedMs = 20;
constexpr int kUnannouncedMs = 200;

Incident crash_without_evidence(const wire::CrashRecord& crash, const std::string& why) {
  Incident incident;
  incident.pid = static_cast<pid_t>(crash.pid);
  incident.tid = static_cast<pid_t>(crash.tid);
  incident.began_ns = crash.time_ns;
  incident.handled = crash.has_application_handler != 0;
  incident.evidence.program.pid = incident.pid;
  incident.evidence.death = death_of_crash(crash);
  incident.evidence.capture.backend = "none";
  incident.evidence.capture.limits.push_back("the process was not read: " + why);
  return incident;
}

// The incident of process `pid` out of `list`.
std::optional<Incident> take_incident(std::vector<Incident>& list, pid_t pid) {
  const auto it = std::find_if(list.begin(), list.end(), [pid](const Incident& i) { return i.pid == pid; });
  if (it == list.end()) return std::nullopt;
  std::optional<Incident> taken = std::move(*it);
  list.erase(it);
  return taken;
}

}  // namespace

Monitor::Monitor(Session& session, Channel& channel, RunFacts facts, DeliveryOptions delivery)
    : session_(session),
      channel_(channel),
      facts_(std::move(facts)),
      start_ns_(monotonic_ns()),
      doorbell_(session.memory().doorbell),
      processes_(session),
      sampler_(start_ns_, facts_.baseline, facts_.memory.asked),
      accounts_(session, start_ns_),
      view_(facts_.memory),
      builder_(session, processes_, sampler_, accounts_, facts_),
      delivery_(std::move(delivery)),
      front_(::getppid()) {}

void Monitor::run() {
  while (!finished()) {
    wait_for_events();
    handle_messages();
    handle_crashes();
    handle_deaths();
    read_programs();
  }
}

bool Monitor::finished() const {
  if (root_ == 0) return front_gone_;
  return root_over_ && processes_.all_gone() && !session_.used_by_others();
}

void Monitor::wait_for_events() {
  std::vector<pid_t> pids;
  std::vector<pollfd> waits{{channel_.fd(), POLLIN, 0}, {doorbell_.fd(), POLLIN, 0}};
  int timeout_ms = doorbell_.poll_interval_ms();
  for (const TrackedProcess& process : processes_.live()) {
    pids.push_back(process.pid);
    if (process.pidfd)
      waits.push_back({process.pidfd.get(), POLLIN, 0});
    else
      timeout_ms = kUnwatchedMs;
  }
  const int sample_ms = sampler_.sample_if_due(pids, [this] {
    accounts_.look(processes_.live());
    view_.update(sampler_, accounts_.largest());
  });
  timeout_ms = timeout_ms < 0 ? sample_ms : std::min(timeout_ms, sample_ms);
  // Only processes that have not announced themselves, or cannot, are left.
  if (root_over_ && processes_.all_gone()) timeout_ms = std::min(timeout_ms, kUnannouncedMs);
  ::poll(waits.data(), waits.size(), timeout_ms);
  doorbell_.clear();
}

void Monitor::handle_messages() {
  Message message;
  while (!front_gone_) {
    const auto received = channel_.receive(message);
    if (received == Channel::Received::kNothing) return;
    if (received == Channel::Received::kClosed) return lose_front();
    handle_message(message);
  }
}

void Monitor::handle_message(const Message& message) {
  switch (message.kind) {
    case Message::kProgramStarted:
      root_ = message.pid;
      processes_.add_known(root_, monotonic_ns());
      return;
    case Message::kSignalForwarded:
      forwarded_.push_back({message.signal, message.sender_pid, message.sender_uid, process_name(message.sender_pid)});
      return;
    case Message::kProgramEnded:
      root_max_rss_ = message.max_rss;
      return finish_root(message.status);
    default:
      // kCancelled: nothing was started, nothing is to be told.
      ::_exit(0);
  }
}

// The front stands for the program: who kills it with SIGKILL means the program, and cannot be told otherwise.
void Monitor::lose_front() {
  front_gone_ = true;
  channel_.close();
  if (root_over_ || root_ == 0) return;
  if (const TrackedProcess* root = processes_.find(root_); root != nullptr && root->pidfd)
    ::syscall(SYS_pidfd_send_signal, root->pidfd.get(), SIGKILL, nullptr, 0);
  forwarded_.push_back({SIGKILL, front_, ::getuid(), kSenderSegwhy});
  if (root_end_) finish_root(root_end_->status);
}

// --- crashes -------------------------------------------------------------------------------------------------------

void Monitor::handle_crashes() {
  wire::Session& memory = session_.memory();
  for (std::uint32_t index = 0; index < wire::kMaxCrashes; ++index)
    if (replace_word(memory.crashes[index].state, wire::kCrashReady, wire::kCrashTaken)) take_crash(index);
  free_released_crashes();
}

void Monitor::take_crash(std::uint32_t index) {
  const wire::CrashRecord& crash = session_.memory().crashes[index];
  const auto pid = static_cast<pid_t>(crash.pid);
  processes_.take_over_records(monotonic_ns());
  if (crash.access_finding != 0) return take_finding(index);
  const auto earlier =
      std::find_if(pending_.begin(), pending_.end(), [pid](const Incident& i) { return i.pid == pid; });
  const bool known = earlier != pending_.end();
  // A second fault on the way out (the handler's own, faulthandler's raise, another thread's) changes nothing: the
  // first one is the cause, and it has been read.
  const bool follows = known && crash.follows != 0 && earlier->tid == static_cast<pid_t>(crash.tid);
  if (known && (follows || !earlier->handled)) return release_crash(index);
  if (known) pending_.erase(earlier);
  const bool reachable = reach(pid);
  try {
    pending_.push_back(builder_.from_crash(index, reachable));
  } catch (const std::exception& problem) {
    pending_.push_back(crash_without_evidence(crash, problem.what()));
  }
  release_crash(index);
  if (reachable) return;
  // Its end cannot be seen: without a handler of its own it does not survive.
  Incident incident = std::move(pending_.back());
  pending_.pop_back();
  if (!incident.handled) delivery_.deliver(std::move(incident), false);
}

// A wrong access that the process does not die of. The first is looked at while the process waits; what else is found
// wrong is in its recorder. The user is told when the process has ended.
void Monitor::take_finding(std::uint32_t index) {
  const auto pid = static_cast<pid_t>(session_.memory().crashes[index].pid);
  const bool first =
      std::none_of(survived_.begin(), survived_.end(), [pid](const Incident& i) { return i.pid == pid; });
  if (first && reach(pid)) {
    try {
      survived_.push_back(builder_.from_crash(index, true));
    } catch (const std::exception&) {
      // The recorder still has it: it is told from there.
    }
  }
  release_crash(index);
}

bool Monitor::reach(pid_t pid) {
  if (processes_.find(pid) != nullptr) return true;
  if (!maps_session(pid, session_)) return false;
  processes_.add_known(pid, monotonic_ns());
  return true;
}

void Monitor::release_crash(std::uint32_t index) {
  wire::CrashRecord& crash = session_.memory().crashes[index];
  store_word(crash.state, wire::kCrashReleased);
  store_word(crash.request, wire::kRequestRelease);
  wake_word(crash.request);
  released_ns_.at(index) = monotonic_ns();
}

void Monitor::free_released_crashes() {
  constexpr std::uint64_t kNsPerMs = 1'000'000;
  wire::Session& memory = session_.memory();
  for (std::uint32_t index = 0; index < wire::kMaxCrashes; ++index) {
    wire::CrashRecord& crash = memory.crashes[index];
    if (load_word(crash.state) != wire::kCrashReleased) continue;
    const bool gone_on = load_word(crash.request) == wire::kRequestNone;
    // Died without going on, or waits no longer: no handler waits for more than crash_wait_ms.
    const bool given_up = monotonic_ns() > released_ns_.at(index) + 2 * kNsPerMs * memory.crash_wait_ms;
    const auto pid = static_cast<pid_t>(crash.pid);
    const TrackedProcess* process = processes_.find(pid);
    const bool ended = process != nullptr && !is_alive(process->pidfd, pid);
    if (gone_on || ended || given_up) replace_word(crash.state, wire::kCrashReleased, wire::kCrashFree);
  }
}

// --- ends ----------------------------------------------------------------------------------------------------------

void Monitor::handle_deaths() {
  const std::uint64_t now = monotonic_ns();
  if (now < last_update_ns_ + kBatchNs) {
    const timespec rest{0, static_cast<long>(last_update_ns_ + kBatchNs - now)};
    ::nanosleep(&rest, nullptr);
    handle_crashes();
  }
  last_update_ns_ = monotonic_ns();
  for (EndedProcess& ended : processes_.update(last_update_ns_)) {
    keep_findings(ended);
    keep_account(ended);
    if (ended.process.pid == root_ && !root_over_)
      end_of_root(std::move(ended));
    else
      settle(std::move(ended));
  }
}

// The front's account of the root's end is the better one; without a front this is all there is.
void Monitor::end_of_root(EndedProcess ended) {
  root_end_ = std::move(ended);
  if (front_gone_) finish_root(root_end_->status);
}

void Monitor::finish_root(std::optional<int> status) {
  if (root_over_) return;
  handle_crashes();
  handle_deaths();
  if (!root_end_) {
    root_end_ = processes_.remove(root_);
    if (root_end_) {
      keep_findings(*root_end_);
      keep_account(*root_end_);
    }
  }
  root_over_ = true;
  view_.finish();
  if (root_end_) {
    root_end_->status = status;
    settle(std::move(*root_end_));
    root_end_.reset();
  }
  delivery_.finish(status != 0);
  Message done;
  done.kind = Message::kReportDone;
  done.reported = delivery_.reported() ? 1 : 0;
  done.inexact = delivery_.is_inexact() ? 1 : 0;
  done.lingering = processes_.all_gone() && !session_.used_by_others() ? 0 : 1;
  if (!front_gone_) channel_.send(done);
  if (done.lingering != 0) linger();
}

// Stays for processes that outlive the program, and keeps nothing of its terminal: who reads the program's stderr to
// the end must get there.
void Monitor::linger() {
  delivery_.detach();
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  ::sigaction(SIGTERM, &action, nullptr);
  sigset_t terminate;
  ::sigemptyset(&terminate);
  ::sigaddset(&terminate, SIGTERM);
  ::sigprocmask(SIG_UNBLOCK, &terminate, nullptr);
}

// What the runtime found wrong in a process that has just ended: its recorder is there until the next look only.
void Monitor::keep_findings(const EndedProcess& ended) {
  const pid_t pid = ended.process.pid;
  const bool kept = std::any_of(survived_.begin(), survived_.end(), [pid](const Incident& i) { return i.pid == pid; });
  if (!kept && builder_.has_findings(ended.process)) survived_.push_back(builder_.from_end(ended));
}

// The same of what it held. How a child ends by itself is its parent's business.
void Monitor::keep_account(const EndedProcess& ended) {
  const bool killed = ended.status && WIFSIGNALED(*ended.status);
  if (ended.process.pid != root_ && !killed) return;
  const bool wanted = killed || delivery_.wants_plain_end() || ended.status != 0;
  const auto& program = ended.process.program;
  if (wanted) accounts_.close(ended.process, !killed, program ? program->cwd : facts_.cwd);
}

void Monitor::settle(EndedProcess ended) {
  const pid_t pid = ended.process.pid;
  if (!ended.status) ended.status = processes_.status_from_parents(pid);
  std::optional<Incident> crash = take_incident(pending_, pid);
  std::optional<Incident> survived = take_incident(survived_, pid);
  const bool root = pid == root_;
  if (crash && died_of_crash(crash->evidence.death, crash->handled, ended.status)) {
    if (ended.status)
      crash->evidence.death.dumped_core = death_of_status(ended.status, ended.process.record).dumped_core;
    name_real_sender(crash->evidence.death, front_, forwarded_);
    return delivery_.deliver(std::move(*crash), root);
  }
  if (!survived && root && ended.status == 0 && !delivery_.wants_plain_end()) return;
  // How a child ends is its parent's business unless it was killed.
  if (!survived && !root && (!ended.status || !WIFSIGNALED(*ended.status))) return;
  Incident incident = survived ? std::move(*survived) : builder_.from_end(ended);
  if (survived) builder_.add_end(ended, incident);
  note_oom_kill(incident);
  name_real_sender(incident.evidence.death, front_, forwarded_);
  if (root && root_max_rss_ != 0) incident.evidence.machine.peak_rss = root_max_rss_;
  delivery_.deliver(std::move(incident), root);
}

// The counter of a cgroup says how many were killed, not who: what one death has explained is not left for the next.
void Monitor::note_oom_kill(const Incident& incident) {
  const auto& cgroup = incident.evidence.machine.cgroup;
  const bool moved = cgroup && cgroup->oom_kills_before && cgroup->oom_kills_after &&
                     *cgroup->oom_kills_after > *cgroup->oom_kills_before;
  if (moved && incident.evidence.death.signal == SIGKILL) sampler_.explain_kill(incident.pid);
}

void Monitor::read_programs() {
  const std::uint64_t now = monotonic_ns();
  for (TrackedProcess& process : processes_.live()) {
    if (process.program) continue;
    const bool started = process.pid == root_ && process.slot < wire::kMaxProcesses;
    if (started || now > process.seen_ns + kSettledNs) process.program = read_program(process.pid);
  }
}

}  // namespace segwhy
