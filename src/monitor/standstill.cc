#include "monitor/standstill.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "assemble/bystander.h"
#include "assemble/thread_groups.h"
#include "base/clock.h"
#include "capture/capture.h"
#include "capture/crash_facts.h"
#include "monitor/lineage.h"
#include "waits/collect.h"
#include "waits/wait_graph.h"

namespace segwhy {
namespace {

constexpr std::size_t kMostProcesses = 48;
// Handlers wait for up to 10 s (session.cc), and the captures of those that were signalled come on top.
constexpr std::uint64_t kMostNs = 2'000'000'000;
constexpr std::uint64_t kFreshNs = 3'000'000'000;
// Processes that are kept in a Case.
constexpr std::size_t kMostKept = 16;

bool is_listed(const std::vector<OtherProcess>& processes, int pid) {
  return std::any_of(processes.begin(), processes.end(), [pid](const OtherProcess& p) { return p.pid == pid; });
}

// Looks at processes one after the other and judges them together.
class Look {
 public:
  Look(Session& session, ProcessTable& processes, std::string directory)
      : session_(session), processes_(processes), directory_(std::move(directory)) {}

  Standstill run() {
    const std::vector<int> pids = choose();
    for (const int pid : pids) switches_.note(pid);
    for (const int pid : pids) add(pid);
    drop_those_that_ran();
    waits::Outside outside = waits::outside_of(facts_, peers_);
    outside.shares_memory = !out_.limits.empty();
    out_.stuck = waits::find_stuck(facts_, outside);
    out_.seen_ns = monotonic_ns();
    return std::move(out_);
  }

 private:
  // The parents first: in the order in which they were started.
  [[nodiscard]] std::vector<int> choose() {
    std::vector<int> pids;
    for (const TrackedProcess& process : processes_.live()) pids.push_back(process.pid);
    if (pids.size() > kMostProcesses) {
      out_.limits.push_back("of " + std::to_string(pids.size()) + " processes " + std::to_string(kMostProcesses) +
                            " were looked at");
      pids.resize(kMostProcesses);
    }
    return pids;
  }

  void add(int pid) {
    if (monotonic_ns() > begun_ns_ + kMostNs) {
      out_.limits.push_back("process " + std::to_string(pid) + " was not looked at: there was no time left");
      return;
    }
    auto capture = look_at_process(session_.memory(), pid);
    if (!capture) return out_.limits.push_back("process " + std::to_string(pid) + ": " + capture.error().what);
    OtherProcess process;
    process.pid = pid;
    process.threads = read_bystander(**capture, directory_);
    if (const TrackedProcess* tracked = processes_.find(pid)) {
      process.fork = fork_of(tracked->record, processes_);
      process.fork.parent_pools = name_thread_groups(**capture, tracked->record.parent_starts);
    }
    facts_.push_back(waits::collect((*capture)->snapshot(), process.threads, peers_));
    out_.processes.push_back(std::move(process));
  }

  // Threads in a handler do run, to see whether they are released, and those that want the GIL, to see whether it is
  // free, but no further than that.
  void drop_those_that_ran() {
    for (waits::ProcessFacts& process : facts_) {
      const auto waiting = threads_in_handlers(session_.memory(), process.pid);
      for (waits::ThreadFacts& thread : process.threads) {
        const bool held =
            std::any_of(waiting.begin(), waiting.end(), [&](const WaitingThread& t) { return t.tid == thread.tid; });
        if (!held && thread.blocked.on != waits::Blocked::On::kGil && switches_.has_run(process.pid, thread.tid))
          thread.blocked = {};
      }
    }
  }

  Session& session_;
  ProcessTable& processes_;
  std::string directory_;
  std::uint64_t begun_ns_ = monotonic_ns();
  waits::SocketPeers peers_ = waits::socket_peers();
  waits::Switches switches_;
  std::vector<waits::ProcessFacts> facts_;
  Standstill out_;
};

}  // namespace

const Standstill& StandstillFinder::find(const std::string& directory) {
  if (!last_ || monotonic_ns() > last_->seen_ns + kFreshNs) last_ = Look(session_, processes_, directory).run();
  return *last_;
}

void add_standstill(const Standstill& standstill, Case& evidence) {
  for (const std::string& limit : standstill.limits) evidence.capture.limits.push_back(limit);
  evidence.stuck = standstill.stuck;
  // The stuck threads come with the most telling first.
  for (const StuckThread& stuck : standstill.stuck) {
    if (stuck.pid == evidence.program.pid || is_listed(evidence.processes, stuck.pid)) continue;
    if (evidence.processes.size() == kMostKept) return;
    const auto process = std::find_if(standstill.processes.begin(), standstill.processes.end(),
                                      [&](const OtherProcess& p) { return p.pid == stuck.pid; });
    if (process != standstill.processes.end()) evidence.processes.push_back(*process);
  }
}

std::optional<OtherProcess> look_at_relative(Session& session, ProcessTable& processes, int pid,
                                             const std::string& directory) {
  const TrackedProcess* const tracked = processes.find(pid);
  if (tracked == nullptr) return std::nullopt;
  const auto capture = look_at_process(session.memory(), pid);
  if (!capture) return std::nullopt;
  OtherProcess process;
  process.pid = pid;
  process.threads = read_bystander(**capture, directory);
  process.fork = fork_of(tracked->record, processes);
  return process;
}

}  // namespace segwhy
