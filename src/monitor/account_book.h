// AccountBook: what the processes of a run hold, line by line: looked at while they live, told when they have ended.
//
// Reads the flight recorder, and /proc for the names of native code. What cannot be read is left out. Single-threaded.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "capture/process_memory.h"
#include "evidence/model/memory.h"
#include "evidence/model/snapshot.h"
#include "history/recorder_file.h"
#include "memory/process_account.h"
#include "monitor/process_table.h"
#include "monitor/session.h"
#include "pystate/program_body.h"

namespace segwhy {

class AccountBook {
 public:
  AccountBook(const Session& session, std::uint64_t start_ns) : file_(session.fd()), start_ns_(start_ns) {}

  // Looks at all of them, as long as their program's body is being executed; forgets those of processes that ended long
  // ago.
  void look(const std::vector<TrackedProcess>& processes);

  // The same for one, which may have ended a moment ago: its area can be read until the next ProcessTable::update().
  // `settled`: it ended by itself, and what its exit freed says nothing about what it held.
  void look_at(const TrackedProcess& process, bool settled);

  // Takes down all of a process that has just ended: its area goes with the next ProcessTable::update(). `settled`: see
  // look_at().
  void close(const TrackedProcess& process, bool settled, const std::string& cwd);

  // nullopt: it keeps no account. `cwd`: of the process, where relative names of sources are looked for.
  [[nodiscard]] std::optional<MemoryUse> use_of(pid_t pid, const std::string& cwd);

  // Of the process that holds most; nullptr without any.
  [[nodiscard]] const memory::SiteHistory* largest() const;

 private:
  struct Page {
    std::uint32_t slot = 0, generation = 0;
    std::unique_ptr<memory::ProcessAccount> account;
    Snapshot mapped;  // what was mapped where, for names
    wire::ClockPair looked{};
    std::optional<MemoryUse> closed;
    std::uint64_t mapped_ns = 0;
    std::unique_ptr<ProcessMemory> memory;
    std::unique_ptr<pystate::ProgramBody> body;
    std::uint64_t body_tried_ns = 0, body_tries = 0;
    std::uint64_t holders_due_ns = 0;
    bool began = false, executed = false;  // the body: ever, and when it was last known
  };
  Page* page_of(const TrackedProcess& process);
  void read_mappings(pid_t pid, Page& page);
  void look_at_holders(double at_s, Page& page);
  void open_body(pid_t pid, Page& page);
  [[nodiscard]] bool is_taken_apart(pid_t pid, Page& page);

  history::RecorderFile file_;
  std::uint64_t start_ns_;
  std::map<pid_t, Page> pages_;
};

}  // namespace segwhy
