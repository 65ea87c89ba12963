#include "monitor/incident.h"

#include <csignal>

#include "assemble/assemble.h"
#include "assemble/thread_groups.h"
#include "base/clock.h"
#include "base/text.h"
#include "capture/capture.h"
#include "monitor/death.h"
#include "monitor/lineage.h"
#include "monitor/version.h"

namespace segwhy {
namespace {

constexpr double kNsPerMs = 1e6;
constexpr double kNsPerSecond = 1e9;

void note(Case& evidence, const Error& error) {
  evidence.capture.limits.push_back(error.hint.empty() ? error.what : error.what + " (" + error.hint + ")");
}

Case new_case(const RunFacts& facts) {
  Case evidence;
  evidence.capture.backend = "none";
  evidence.capture.protection = facts.protection;
  evidence.capture.segwhy_version = kVersionText;
  return evidence;
}

std::string why_not_captured(const wire::ProcessRecord& record) {
  if (record.kill_signal != 0)
    return "the process was not looked at: a process of the same program sent the signal, as a pool does to end its "
           "workers";
  return "no fault was captured: the process ended without one that a handler sees";
}

// While it is known whose number it is: the sender may end at any moment.
void name_sender(Death& death, pid_t program) {
  if (death.sender_pid && *death.sender_pid != program) death.sender_name = process_name(*death.sender_pid);
}

void add_stderr(StderrTail tail, Case& evidence) {
  evidence.messages.stderr_tail = to_valid_utf8(tail.text);
  evidence.messages.stderr_complete = tail.complete;
}

}  // namespace

void CaseBuilder::add_capture(std::uint32_t index, const TrackedProcess* process, Case& evidence) const {
  auto capture = capture_crash(session_.memory(), index);
  if (!capture) return note(evidence, capture.error());
  if (process != nullptr && process->slot < wire::kMaxProcesses) {
    ProcessRecorder recorder(session_, *process);
    const history::Query query = recorder.query(session_.memory().crashes[index].access_finding);
    assemble_from_capture(**capture, evidence, &query);
  } else {
    assemble_from_capture(**capture, evidence);
  }
  if (const TrackedProcess* child = processes_.find(evidence.program.pid))
    evidence.program.fork.parent_pools = name_thread_groups(**capture, child->record.parent_starts);
  (*capture)->release();
}

void CaseBuilder::add_record(const wire::ProcessRecord& record, Case& evidence) const {
  evidence.program.fork = fork_of(record, processes_);
  evidence.program.command.clear();
  for (const std::string& word : facts_.argv) evidence.program.command.push_back(to_valid_utf8(word));
  if (record.start_ns != 0)
    evidence.program.age_s = static_cast<double>(monotonic_ns() - record.start_ns) / kNsPerSecond;
  if (record.thread_create_errno != 0)
    evidence.thread_create_failure =
        ThreadCreateFailure{static_cast<int>(record.thread_create_errno), record.thread_create_count};
}

void CaseBuilder::add_memory_use(pid_t pid, Case& evidence) const {
  evidence.machine.samples = sampler_.samples_of(pid);
  if (!evidence.machine.peak_rss) evidence.machine.peak_rss = sampler_.peak_of(pid);
}

// `settled`: it ended by itself, which freed what it held.
void CaseBuilder::add_account(const TrackedProcess& process, bool settled, Case& evidence) const {
  accounts_.look_at(process, settled);
  evidence.memory = accounts_.use_of(process.pid, evidence.program.cwd);
  if (facts_.memory.asked && !evidence.memory) evidence.memory.emplace();
  if (evidence.memory) evidence.memory->asked = facts_.memory.asked;
}

// The parent of a child that crashed may have to do with it; who ends a program from outside may end one that hangs.
void CaseBuilder::add_relatives(bool crashed, Case& evidence) {
  if (!crashed) return add_standstill(standstill_.find(evidence.program.cwd), evidence);
  const Fork& fork = evidence.program.fork;
  if (fork.origin != "fork" || fork.parent_threads.value_or(0) == 0) return;
  if (auto parent = look_at_relative(session_, processes_, fork.parent_pid.value_or(0), evidence.program.cwd))
    evidence.processes.push_back(std::move(*parent));
}

Incident CaseBuilder::from_crash(std::uint32_t index, bool reachable) {
  const wire::CrashRecord& crash = session_.memory().crashes[index];
  Incident incident{new_case(facts_), static_cast<pid_t>(crash.pid),     static_cast<pid_t>(crash.tid), index,
                    crash.time_ns,    crash.has_application_handler != 0};
  Case& evidence = incident.evidence;
  if (reachable) evidence.program = read_program(incident.pid);
  evidence.program.pid = incident.pid;
  evidence.death = death_of_crash(crash);
  name_sender(evidence.death, incident.pid);
  evidence.messages.abort_text = to_valid_utf8(read_abort_text(crash));
  if (crash.in_runtime != 0 && crash.access_finding == 0)
    evidence.capture.limits.emplace_back("the fault is in Segwhy's own runtime, not in the program");
  const TrackedProcess* process = processes_.find(incident.pid);
  if (process != nullptr && process->slot < wire::kMaxProcesses) {
    add_record(process->record, evidence);
    add_stderr(read_stderr_ring(session_.memory(), process->record.ring, process->record.pid), evidence);
  }
  if (reachable) {
    if (!incident.handled) add_relatives(is_crash_signal(crash.signal), evidence);
    add_capture(index, process, evidence);
    evidence.machine = read_machine(incident.pid, sampler_.baseline_of(incident.pid));
    add_memory_use(incident.pid, evidence);
    if (process != nullptr) add_account(*process, false, evidence);
  } else {
    evidence.capture.limits.emplace_back("the process was not read: it is in a PID namespace of its own");
  }
  evidence.capture.capture_ms = static_cast<double>(monotonic_ns() - incident.began_ns) / kNsPerMs;
  return incident;
}

Program CaseBuilder::program_of(const TrackedProcess& process) const {
  if (process.program && !process.program->argv.empty()) return *process.program;
  // A forked child that ended before it was looked at runs what its parent runs.
  if (process.record.origin == wire::kOriginFork) {
    const TrackedProcess* parent = processes_.find(static_cast<pid_t>(process.record.parent_pid));
    return parent != nullptr && parent->program ? *parent->program : Program();
  }
  Program program;
  if (process.record.origin == wire::kOriginRoot) {
    program.argv = facts_.argv;
    program.cwd = facts_.cwd;
  }
  return program;
}

void CaseBuilder::add_end(const EndedProcess& ended, Incident& incident) const {
  incident.evidence.death = death_of_status(ended.status, ended.process.record);
  add_stderr(ended.stderr_tail, incident.evidence);
}

bool CaseBuilder::has_findings(const TrackedProcess& process) const {
  return process.slot < wire::kMaxProcesses && ProcessRecorder(session_, process).has_findings();
}

// What a process that was not captured had found wrong. Nobody knows any more what was mapped where: Python's frames
// alone are named.
void CaseBuilder::add_findings(const TrackedProcess& process, Case& evidence) const {
  if (!has_findings(process)) return;
  ProcessRecorder recorder(session_, process);
  history::Naming naming;
  if (!evidence.program.cwd.empty()) naming.directories.push_back(evidence.program.cwd);
  history::add_history(recorder.query(), naming, evidence);
}

Incident CaseBuilder::from_end(const EndedProcess& ended) const {
  Incident incident{new_case(facts_), ended.process.pid, 0, 0, monotonic_ns(), false};
  Case& evidence = incident.evidence;
  evidence.program = program_of(ended.process);
  evidence.program.pid = incident.pid;
  evidence.death = death_of_status(ended.status, ended.process.record);
  name_sender(evidence.death, incident.pid);
  add_record(ended.process.record, evidence);
  add_findings(ended.process, evidence);
  add_stderr(ended.stderr_tail, evidence);
  evidence.machine = read_machine(incident.pid, sampler_.baseline_of(incident.pid));
  add_memory_use(incident.pid, evidence);
  add_account(ended.process, evidence.death.kind == "exit", evidence);
  if (evidence.death.kind == "signal") evidence.capture.limits.emplace_back(why_not_captured(ended.process.record));
  return incident;
}

}  // namespace segwhy
