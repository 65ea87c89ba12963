// Standstill: who in the whole run can never go on, found out when somebody ends a program from outside.
//
// Every live process of the run is looked at, none is stopped (capture/capture.h: look_at_process). Bounded in number
// and time: what was left out counts as going on, so that nobody is taken for stuck who may not be.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evidence/model/case.h"
#include "monitor/process_table.h"
#include "monitor/session.h"

namespace segwhy {

struct Standstill {
  std::uint64_t seen_ns = 0;            // CLOCK_MONOTONIC, when the look ended
  std::vector<OtherProcess> processes;  // all that were looked at
  std::vector<StuckThread> stuck;
  std::vector<std::string> limits;  // what was left out, a sentence each
};

class StandstillFinder {
 public:
  StandstillFinder(Session& session, ProcessTable& processes) : session_(session), processes_(processes) {}

  // A signal to a whole process group arrives in one process after the other: those that follow soon are told what the
  // first one's look showed, since the processes that it waits for may be gone by then. `directory`: of the program.
  const Standstill& find(const std::string& directory);

 private:
  Session& session_;
  ProcessTable& processes_;
  std::optional<Standstill> last_;
};

// What concerns the process of `evidence`: the stuck threads, and the other processes they are in.
void add_standstill(const Standstill& standstill, Case& evidence);

// One process, looked at by itself; nullopt when it may not be.
[[nodiscard]] std::optional<OtherProcess> look_at_relative(Session& session, ProcessTable& processes, int pid,
                                                           const std::string& directory);

}  // namespace segwhy
