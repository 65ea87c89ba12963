// Incident: one death (or fault that may become one) with its Case, from the first sign to the report.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "capture/environment.h"
#include "evidence/model/case.h"
#include "monitor/account_book.h"
#include "monitor/process_table.h"
#include "monitor/recorder.h"
#include "monitor/run_options.h"
#include "monitor/sampling.h"
#include "monitor/session.h"
#include "monitor/standstill.h"

namespace segwhy {

struct Incident {
  Case evidence;
  pid_t pid = 0;
  pid_t tid = 0;               // of the crashed thread; 0 when no crash was captured
  std::uint32_t crash = 0;     // index of the crash record
  std::uint64_t began_ns = 0;  // CLOCK_MONOTONIC: the signal, or the end of the process
  bool handled = false;        // the program has a handler of its own for the signal
};

// What every Case of a run shares.
struct RunFacts {
  std::string protection = "off";
  MemoryOptions memory;
  EnvironmentBaseline baseline;
  std::vector<std::string> argv;  // of the program, as it was started
  std::string cwd;
};

// Makes Cases. Never fails as a whole: what cannot be had becomes a sentence in CaptureInfo::limits.
class CaseBuilder {
 public:
  CaseBuilder(Session& session, ProcessTable& processes, const MemorySampler& sampler, AccountBook& accounts,
              const RunFacts& facts)
      : session_(session),
        processes_(processes),
        sampler_(sampler),
        accounts_(accounts),
        facts_(facts),
        standstill_(session, processes) {}

  // From the crash record `index` (state kCrashTaken): captures and reads the process while its handler waits.
  // `reachable`: the pid in the record is the process's number here, too (see membership.h); otherwise only the record
  // is used.
  [[nodiscard]] Incident from_crash(std::uint32_t index, bool reachable);

  // From the end of a process of which no crash was captured.
  [[nodiscard]] Incident from_end(const EndedProcess& ended) const;

  // How a process that survived what was found wrong in it ended later.
  void add_end(const EndedProcess& ended, Incident& incident) const;

  // Whether the runtime found anything wrong in it.
  [[nodiscard]] bool has_findings(const TrackedProcess& process) const;

 private:
  void add_capture(std::uint32_t index, const TrackedProcess* process, Case& evidence) const;
  void add_record(const wire::ProcessRecord& record, Case& evidence) const;
  // What the ended process ran, as far as it was seen.
  [[nodiscard]] Program program_of(const TrackedProcess& process) const;
  void add_memory_use(pid_t pid, Case& evidence) const;
  void add_account(const TrackedProcess& process, bool settled, Case& evidence) const;
  void add_findings(const TrackedProcess& process, Case& evidence) const;
  void add_relatives(bool crashed, Case& evidence);

  Session& session_;
  ProcessTable& processes_;
  const MemorySampler& sampler_;
  AccountBook& accounts_;
  const RunFacts& facts_;
  StandstillFinder standstill_;
};

}  // namespace segwhy
