// Runs a command in a session of a fake monitor, for comparing programs by hand and in scripts:
//   segwhy_session_run COMMAND ARGUMENTS...
// Output goes through, and the exit status is the command's (128 + signal when killed); the hand-overs are listed in
// the file that SEGWHY_SESSION_LOG names. SEGWHY_SESSION_PROTECT: a wire::ProtectMode, as a number.
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "runtime/testing/fake_monitor.h"

int main(int argc, char** argv) {
  using namespace segwhy::runtime::testing;
  if (argc < 2) return 2;
  const char* const mode = getenv("SEGWHY_SESSION_PROTECT");
  const auto protect = static_cast<segwhy::wire::ProtectMode>(mode != nullptr ? atoi(mode) : 0);
  FakeMonitor monitor(FakeMonitor::Slots::kFree, protect);
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
    file << "lost processes " << monitor.session().lost_processes << ", lost crashes " << monitor.session().lost_crashes
         << '\n';
  }
  return outcome.signal() != 0 ? 128 + outcome.signal() : outcome.exit_code();
}
