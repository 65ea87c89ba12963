// Collects what a process's threads are blocked on, and makes sure that what was seen was true of all processes at one
// and the same time, though none of them was stopped.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "evidence/model/case.h"
#include "evidence/model/snapshot.h"
#include "waits/descriptors.h"
#include "waits/process_facts.h"

namespace segwhy::waits {

// How often each thread of some processes has been switched to and from. A thread whose counts are the same before and
// after a look has not run meanwhile.
class Switches {
 public:
  void note(int pid);
  // Of a process that was noted: the threads that have run since, or are new.
  [[nodiscard]] bool has_run(int pid, int tid) const;

 private:
  std::map<std::pair<int, int>, std::uint64_t> counts_;
};

// `snapshot` by look_at_process(), `threads` read from it.
[[nodiscard]] ProcessFacts collect(const Snapshot& snapshot, const std::vector<Thread>& threads,
                                   const SocketPeers& peers);

// Who blocks `pid` from a file lock, by the text of /proc/locks; nullopt when nobody does. Pure.
[[nodiscard]] std::optional<int> lock_holder(std::string_view locks, int pid);

}  // namespace segwhy::waits
