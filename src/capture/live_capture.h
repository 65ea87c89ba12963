// The two backends over a live process: stopped by ptrace, or with the help of the handler that waits in it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "capture/capture.h"
#include "capture/crash_facts.h"
#include "capture/locate.h"
#include "evidence/wire/session.h"

namespace segwhy {

// What the session's records say about a process that waits in a handler.
struct CrashView {
  CrashFacts crash;
  std::vector<WaitingThread> waiting;  // the crashed thread among them
};

// Stops every thread; fails, with nothing left stopped, when the kernel refuses that or reading memory. Without `view`
// no thread is taken for crashed.
Result<std::unique_ptr<Capture>> capture_by_ptrace(const LocatedProcess& process, const CrashView* view);

// Stops nothing at all; see look_at_process().
Result<std::unique_ptr<Capture>> capture_by_look(const LocatedProcess& process,
                                                 const std::vector<WaitingThread>& waiting);

// Stops nothing but the waiting thread. `process` is absent when it could not be located; `reason` says why ptrace was
// not used. Fails when the process ends meanwhile.
Result<std::unique_ptr<Capture>> capture_by_handler(wire::CrashRecord& record,
                                                    const std::optional<LocatedProcess>& process, const CrashView& view,
                                                    const std::string& reason);

}  // namespace segwhy
