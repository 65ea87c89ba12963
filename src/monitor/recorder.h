// ProcessRecorder: one process's part of the flight recorder, as the monitor reads it: while the process lives, waits
// with something that the runtime found wrong, or is gone.
//
// Borrows the session. Reads only; what it reads is checked in history/.
#pragma once

#include <cstdint>
#include <optional>

#include "history/history.h"
#include "history/recorder_file.h"
#include "monitor/process_table.h"
#include "monitor/session.h"

namespace segwhy {

class ProcessRecorder {
 public:
  ProcessRecorder(const Session& session, const TrackedProcess& process);

  // Of this moment. `access_finding`: as a CrashRecord holds it, index+1 or 0. Valid as long as this.
  [[nodiscard]] history::Query query(std::uint32_t access_finding = 0);

  // Whether the runtime found anything wrong.
  [[nodiscard]] bool has_findings();

 private:
  history::RecorderFile file_;
  std::uint32_t slot_, generation_;
};

}  // namespace segwhy
