// Freezer: stops every thread of a process with ptrace, reads their registers, and lets them go on as if nothing had
// been.
//
// The kernel ties a traced thread to the one that traces it, and a thread that never stops (vfork, uninterruptible
// sleep) can only be let go by the end of its tracer. So the work is done by a helper thread: when it ends, the kernel
// detaches whatever is left, in whatever state, also when this process dies. A group stop (SIGSTOP, Ctrl-Z) stays in
// force, a signal caught in delivery is delivered afterwards, and the exit status of a target that dies meanwhile is
// left for its parent to collect.
//
// The threads stay stopped until release() or destruction. While they are, no other thread of this process may wait
// for them (waitpid without __WNOTHREAD); the process gets a SIGCHLD per stopped thread. Not thread-safe.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "evidence/model/snapshot.h"

namespace segwhy {

struct FreezeLimits {
  // For all threads to stop; a machine under load may take a while to schedule them.
  std::chrono::milliseconds total{1000};
  // For a thread in uninterruptible sleep, in which vfork's parent is too.
  std::chrono::milliseconds uninterruptible{50};
};

struct FrozenThread {
  int tid = 0;
  // Absent when the thread could not be stopped: it is blocked in the kernel and goes on when that ends.
  std::optional<Registers> registers;
};

class Freezer {
 public:
  // Fails when the process is gone or the kernel refuses (the text says which), with nothing left stopped. Threads that
  // end meanwhile are left out.
  static Result<std::unique_ptr<Freezer>> freeze(int pid, const FreezeLimits& limits = {});

  Freezer(const Freezer&) = delete;
  Freezer& operator=(const Freezer&) = delete;
  ~Freezer();

  [[nodiscard]] const std::vector<FrozenThread>& threads() const;  // ascending by tid
  void release();                                                  // idempotent

 private:
  struct Helper;
  explicit Freezer(std::unique_ptr<Helper> helper);
  std::unique_ptr<Helper> helper_;
};

}  // namespace segwhy
