// Runs a command in a session of a fake monitor, for comparing programs by hand and in scripts:
//   segwhy_session_run COMMAND ARGUMENTS...
// Output goes through, and the exit status is the command's (128 + signal when killed); the hand-overs are listed in
// the file that SEGWHY_SESSION_LOG names. SEGWHY_SESSION_PROTECT: a wire::ProtectMode, as a number;
// SEGWHY_SESSION_BUDGET: what it may cost, in thousandths.
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>

#include "runtime/testing/fake_monitor.h"

namespace segwhy::runtime::testing {
namespace {

// What the flight recorder's header says of one process.
void log_area(std::ostream& out, const FakeMonitor& monitor, const wire::ProcessRecord& process) {
  const std::string bytes = monitor.area_bytes(process, 0, sizeof(wire::AreaHeader));
  wire::AreaHeader area{};
  if (bytes.size() == sizeof area) std::memcpy(&area, bytes.data(), sizeof area);
  if (area.magic != wire::kAreaMagic) return;
  out << "pid " << area.pid << " mode " << area.mode << " tactics " << area.tactic_small << ' ' << area.tactic_large
      << " protected " << area.protected_blocks << " unprotected";
  for (const std::uint64_t count : area.unprotected_blocks) out << ' ' << count;
  out << " recycled " << area.recycled_slots << " unrevoked " << area.lost_revocations << " level "
      << area.governor.level << " changes " << area.governor.changes << " spent ticks " << area.governor.spent_ticks
      << " cpu ns " << area.governor.cpu_ns << '\n';
}

}  // namespace
}  // namespace segwhy::runtime::testing

int main(int argc, char** argv) {
  using namespace segwhy::runtime::testing;
  if (argc < 2) return 2;
  const char* const mode = getenv("SEGWHY_SESSION_PROTECT");
  const auto protect = static_cast<segwhy::wire::ProtectMode>(mode != nullptr ? atoi(mode) : 0);
  FakeMonitor monitor(FakeMonitor::Slots::kFree, protect);
  if (const char* const budget = getenv("SEGWHY_SESSION_BUDGET"))
    monitor.session().budget_permille = static_cast<unsigned>(atoi(budget));
  const Outcome outcome = monitor.run({{argv + 1, argv + argc}, {}, {}});
  fwrite(outcome.output.data(), 1, outcome.output.size(), stdout);
  fwrite(outcome.error_output.data(), 1, outcome.error_output.size(), stderr);
  if (const char* const log = getenv("SEGWHY_SESSION_LOG")) {
    std::ofstream file(log);
    for (const Crash& crash : outcome.crashes) {
      file << "pid " << crash.pid << " tid " << crash.tid << " signal " << crash.signal << " code " << crash.code
           << (crash.handled ? " handled" : "") << (crash.in_runtime ? " in runtime" : "") << " follows "
           << crash.follows << '\n';
    }
    for (const auto* const process : monitor.processes()) log_area(file, monitor, *process);
    file << "lost processes " << monitor.session().lost_processes << ", lost crashes " << monitor.session().lost_crashes
         << '\n';
  }
  return outcome.signal() != 0 ? 128 + outcome.signal() : outcome.exit_code();
}
