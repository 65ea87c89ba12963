// Captures: a process (or core file) frozen long enough to read what is needed. One interface, three backends.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "evidence/model/snapshot.h"
#include "evidence/wire/session.h"

namespace segwhy {

// A frozen target. The snapshot's memory reader is valid until release() or destruction (which releases).
class Capture {
 public:
  Capture() = default;
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  virtual ~Capture() = default;

  [[nodiscard]] virtual const Snapshot& snapshot() const = 0;
  [[nodiscard]] virtual const char* backend() const = 0;  // "ptrace", "handler", "core"
  // What could not be captured, a sentence each, for CaptureInfo::limits.
  [[nodiscard]] virtual const std::vector<std::string>& notes() const = 0;
  // Lets the target go on. Idempotent.
  virtual void release() = 0;
};

// The process whose handler waits in `crash` (state kCrashTaken). Stops all threads with ptrace; where that is refused,
// uses the waiting handler itself (thread registers and memory through the record's service). release() does not
// release the waiting handler: that is the caller's (see wire::kRequestRelease).
Result<std::unique_ptr<Capture>> capture_crash(wire::Session& session, std::uint32_t crash_index);

// A process that is not waiting in a handler (asked for, e.g. hung): ptrace only.
Result<std::unique_ptr<Capture>> capture_live(int pid);

// A process of the session that is supposed to be blocked: nothing of it is stopped, so that nothing of it can be
// disturbed. Threads that are blocked in the kernel have `system_call`, its arguments, pc and stack pointer; those that
// wait in a handler are seen where the signal found them; of a running thread only the name is known. Read with doubt:
// whoever concludes anything from it makes sure that the threads have not moved meanwhile.
Result<std::unique_ptr<Capture>> look_at_process(const wire::Session& session, int pid);

// A core file (ELF). Modules are opened at the paths the core names.
Result<std::unique_ptr<Capture>> capture_core(const std::string& core_path);

}  // namespace segwhy
