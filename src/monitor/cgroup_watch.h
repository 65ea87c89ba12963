// CgroupWatch: which cgroup each process of the run is in, and what that cgroup's counters said when it came there.
//
// A program may enter a cgroup after its start (a wrapper that writes to cgroup.procs, a job of its own), and a dead
// process is shown in none. Reads /proc and the cgroup file system; what cannot be read changes nothing.
// Single-threaded.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "capture/environment.h"

namespace segwhy {

class CgroupWatch {
 public:
  // `start`: what read_baseline() said before the program started.
  explicit CgroupWatch(EnvironmentBaseline start);

  // Looks where `processes` are now, and forgets those that are no longer named.
  void follow(const std::vector<pid_t>& processes);

  // The counters to compare those after the end of `pid` with: of the cgroup it was last seen in, when it came there;
  // of the machine, a second or two ago.
  [[nodiscard]] EnvironmentBaseline baseline_of(pid_t pid) const;

  // A kill for want of memory in the cgroup of `pid` has been told: it is not the next one's.
  void explain_kill(pid_t pid);

  // Where the cgroup of `pid` has its files, version 2; empty otherwise.
  [[nodiscard]] std::string unified_directory(pid_t pid) const;

  // The tightest limit on the memory of `pid` by a cgroup, bytes.
  [[nodiscard]] std::optional<std::uint64_t> memory_limit(pid_t pid) const;

  // What the cgroup of `pid` uses now, bytes; nullopt without a memory controller.
  [[nodiscard]] std::optional<std::uint64_t> memory_use(pid_t pid) const;

 private:
  struct Member {
    std::string membership;  // text of /proc/PID/cgroup
    std::size_t baseline = 0;
  };
  void look(pid_t pid);
  void look_at_machine();
  [[nodiscard]] const EnvironmentBaseline& place_of(pid_t pid) const;
  [[nodiscard]] std::size_t baseline_for(pid_t pid);

  std::vector<EnvironmentBaseline> baselines_;  // the first: at the start of the run
  std::map<pid_t, Member> members_;
  std::map<std::string, std::size_t> places_;  // membership text to baseline, of places that were looked up
  // Two, because a kill may lie between the newer one and the news of it.
  MachineOomKills newer_, older_;
};

}  // namespace segwhy
