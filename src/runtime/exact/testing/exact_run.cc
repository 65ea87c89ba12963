// Runs a command in exact mode under a fake monitor and tells what exact mode saw, for trying programs by hand:
//   segwhy_exact_run COMMAND ARGUMENTS...
// Output and exit status are the command's (128 + signal when killed). What was seen goes to the file that
// SEGWHY_EXACT_LOG names, or to stderr.
#include <stdlib.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>

#include "runtime/exact/testing/area_reader.h"

namespace segwhy::runtime::testing {
namespace {

void print_finding(FILE* out, const wire::AccessFinding& finding) {
  const wire::Access& access = finding.access;
  std::fprintf(out,
               "  pc %#" PRIx64 " tid %u offset %" PRId64 " width %" PRIu64 " flags %#x of block %#" PRIx64
               " size %" PRIu64 " state %u, %u more, crash record %u\n",
               access.pc, access.tid, access.offset, access.width, access.flags, finding.block.address,
               finding.block.size, finding.block.state, finding.repeats, finding.crash);
}

void print_process(FILE* out, const FakeMonitor& monitor, const wire::ProcessRecord& process) {
  const auto table = read_access_table(monitor, process);
  if (table == nullptr) return;
  std::fprintf(
      out,
      "pid %u: refusal %u, accesses %" PRIu64 ", unsupported %" PRIu64 ", refused blocks %" PRIu64 ", findings %u\n",
      process.pid, table->refusal, table->accesses, table->unsupported, table->refused_blocks, table->finding_count);
  for (std::uint32_t i = 0; i < table->finding_count && i < wire::kMaxAccessFindings; ++i) {
    print_finding(out, table->findings[i]);
  }
}

}  // namespace
}  // namespace segwhy::runtime::testing

int main(int argc, char** argv) {
  using namespace segwhy::runtime::testing;
  if (argc < 2) return 2;
  FakeMonitor monitor(FakeMonitor::Slots::kFree, segwhy::wire::kProtectExact);
  const Outcome outcome = monitor.run({{argv + 1, argv + argc}, {}, {}});
  fwrite(outcome.output.data(), 1, outcome.output.size(), stdout);
  fwrite(outcome.error_output.data(), 1, outcome.error_output.size(), stderr);
  const char* const log = getenv("SEGWHY_EXACT_LOG");
  FILE* const out = log != nullptr ? fopen(log, "we") : stderr;
  if (out == nullptr) return 2;
  for (const Crash& crash : outcome.crashes) {
    std::fprintf(out, "hand-over: tid %u signal %d code %d address %#" PRIx64 "%s\n", crash.tid, crash.signal,
                 crash.code, crash.address, crash.handled ? ", survivable" : "");
  }
  for (const auto* const process : monitor.processes()) print_process(out, monitor, *process);
  fclose(out);
  return outcome.signal() != 0 ? 128 + outcome.signal() : outcome.exit_code();
}
