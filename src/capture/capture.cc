#include "capture/capture.h"

#include "capture/live_capture.h"
#include "capture/procfs.h"

namespace segwhy {

Result<std::unique_ptr<Capture>> capture_crash(wire::Session& session, std::uint32_t crash_index) {
  auto crash = crash_facts(session, crash_index);
  if (!crash) return tl::unexpected<Error>(crash.error());
  const CrashView view{*crash, threads_in_handlers(session, crash->pid)};
  const Location where = locate_process(session, crash->pid);
  if (where.gone) return fail("process " + std::to_string(crash->pid) + " is gone");
  std::string reason = "the process could not be identified from outside";
  if (where.process) {
    auto stopped = capture_by_ptrace(*where.process, &view);
    if (stopped) return stopped;
    if (!is_alive(where.process->pid)) return stopped;
    reason = stopped.error().what;
  }
  return capture_by_handler(session.crashes[crash_index], where.process, view, reason);
}

Result<std::unique_ptr<Capture>> capture_live(int pid) {
  return capture_by_ptrace(LocatedProcess{pid, false}, nullptr);
}

Result<std::unique_ptr<Capture>> look_at_process(const wire::Session& session, int pid) {
  const Location where = locate_process(session, pid);
  if (!where.process) return fail("process " + std::to_string(pid) + " could not be identified from outside");
  if (where.process->foreign) return fail("process " + std::to_string(pid) + " is in a PID namespace of its own");
  return capture_by_look(*where.process, threads_in_handlers(session, pid));
}

}  // namespace segwhy
