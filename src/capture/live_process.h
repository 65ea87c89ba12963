// The parts of a snapshot that /proc gives about a live process, shared by the ptrace and the handler backend.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "capture/locate.h"
#include "evidence/model/snapshot.h"

namespace segwhy {

// Fills mappings, executable, root and auxv; what is refused becomes a note.
void describe_process(int pid, Snapshot& snapshot, std::vector<std::string>& notes);

// A thread with its name and stack; the registers may be absent. `tid` is ours, the result has the process's own.
// Snapshot::mappings is filled.
class ThreadDescriber {
 public:
  ThreadDescriber(const LocatedProcess& process, const Snapshot& snapshot);
  [[nodiscard]] ThreadSnapshot describe(int tid, const std::optional<Registers>& registers) const;

 private:
  LocatedProcess process_;
  const Snapshot& snapshot_;
  std::optional<std::uint64_t> stack_limit_;
};

// Readers expect this order: the crashed thread, the main one, the others by id.
void sort_threads(Snapshot& snapshot);

}  // namespace segwhy
