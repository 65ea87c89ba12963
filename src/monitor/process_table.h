// ProcessTable: the processes of the monitored tree that are known, from the program's own records and by pidfd.
//
// Records appear when the runtime initialises in a process and are freed here once the process is gone; 256 slots serve
// any number of short-lived children as long as update() is called often. Single-threaded.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "evidence/model/case.h"
#include "monitor/session.h"

namespace segwhy {

struct TrackedProcess {
  pid_t pid = 0;
  Fd pidfd;                      // empty when no descriptor was left: watched by number
  wire::ProcessRecord record{};  // last copy; all zero when the runtime is not in the process
  std::uint32_t slot = wire::kMaxProcesses;
  std::uint64_t seen_ns = 0;       // CLOCK_MONOTONIC, when it was first seen
  std::optional<Program> program;  // read while it lived
};

// A process that has ended, with everything that is known of it.
struct EndedProcess {
  TrackedProcess process;
  std::optional<int> status;  // as of waitpid
  StderrTail stderr_tail;
};

class ProcessTable {
 public:
  explicit ProcessTable(Session& session) : session_(session) {}

  // A process that is known without a record: the program itself, and one that found no free slot.
  void add_known(pid_t pid, std::uint64_t now_ns);

  // Takes new records over.
  void take_over_records(std::uint64_t now_ns);
  // The same, and returns the processes that ended since the last call, their slots freed. `now_ns`: CLOCK_MONOTONIC.
  // With a flight recorder a slot is kept: its area can be read until the next call, and as long as a process of
  // which it tells the past lives.
  std::vector<EndedProcess> update(std::uint64_t now_ns);

  // Retires `pid`, known to have ended from elsewhere; nullopt when it is not in the table.
  std::optional<EndedProcess> remove(pid_t pid);

  [[nodiscard]] const std::vector<TrackedProcess>& live() const { return live_; }
  [[nodiscard]] std::vector<TrackedProcess>& live() { return live_; }
  [[nodiscard]] TrackedProcess* find(pid_t pid);
  [[nodiscard]] bool all_gone() const { return live_.empty(); }
  // Status of `pid` as a wait call of any live process reported it.
  [[nodiscard]] std::optional<int> status_from_parents(pid_t pid) const;

 private:
  void take_over(std::uint32_t slot, std::uint64_t now_ns);
  void free_slot(std::uint32_t slot, std::uint32_t pid);
  EndedProcess retire(TrackedProcess process);
  void free_kept_slots();

  Session& session_;
  std::vector<TrackedProcess> live_;
  // Generation of the record in each slot whose writer cannot be watched from here (see membership.h); 0: none.
  std::vector<std::uint32_t> out_of_reach_ = std::vector<std::uint32_t>(wire::kMaxProcesses, 0);
  std::vector<std::uint64_t> claimed_since_ = std::vector<std::uint64_t>(wire::kMaxProcesses, 0);
};

}  // namespace segwhy
