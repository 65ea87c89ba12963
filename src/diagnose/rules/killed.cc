// killed: a signal from outside, or a limit of the kernel's that is enforced by a signal.
//
// Near misses: SIGKILL with an OOM counter that moved (out-of-memory); SIGABRT that the process gave itself (abort).
#include <fmt/format.h>

#include <array>
#include <csignal>

#include "base/signal_names.h"
#include "base/text.h"
#include "diagnose/memory_trend.h"
#include "diagnose/narrate.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

struct Sender {
  int signal;
  const char* who;  // usually
};
constexpr std::array<Sender, 14> kSenders = {{
    {SIGKILL, "a supervisor, a time limit or the OOM killer"},
    {SIGTERM, "a supervisor, batch system or time limit that asks for an end"},
    {SIGINT, "Ctrl-C"},
    {SIGQUIT, "Ctrl-\\"},
    {SIGHUP, "the terminal that was closed"},
    {SIGPIPE, "the reader of its output that went away"},
    {SIGALRM, "a timer the program or its parent had set"},
    {SIGXCPU, "the limit on CPU time (RLIMIT_CPU)"},
    {SIGXFSZ, "the limit on file size (RLIMIT_FSIZE)"},
    {SIGUSR1, "another process, as a user-defined request"},
    {SIGUSR2, "another process, as a user-defined request"},
    {SIGVTALRM, "a timer the program had set"},
    {SIGPROF, "a profiler's timer"},
    {SIGSYS, "a seccomp filter that forbids the system call"},
}};

const char* usual_sender(int signal) {
  for (const Sender& entry : kSenders)
    if (entry.signal == signal) return entry.who;
  return nullptr;
}

std::string sender_phrase(const Facts& facts) {
  const Death& death = facts.evidence.death;
  if (!death.sender_pid) return {};
  if (*death.sender_pid == facts.evidence.program.pid) return "the program itself";
  if (*death.sender_pid == 0) return "the kernel or a process outside this container";
  return fmt::format("process {}{}", *death.sender_pid,
                     death.sender_name.empty() ? "" : " (" + death.sender_name + ")");
}

void add_advice(const Facts& facts, int signal, Candidate& candidate) {
  constexpr double kLeastAge = 1;  // s: no limit of time is shorter
  const bool aged = facts.evidence.program.age_s.value_or(0) >= kLeastAge;
  const std::string age = aged ? fmt::format(" after {:.1f} s", *facts.evidence.program.age_s) : "";
  const std::string& sender = facts.evidence.death.sender_name;
  if (signal == SIGXCPU)
    candidate.advice.push_back(
        "Raise the limit on CPU time: `ulimit -t unlimited` before the start, or where the program "
        "sets it itself (resource.setrlimit).");
  if (signal == SIGXFSZ)
    candidate.advice.push_back(
        "Raise the limit on file size: `ulimit -f unlimited` before the start, or where the program "
        "sets it itself (resource.setrlimit).");
  const bool passed_on = sender == kSenderSegwhy;
  if (!sender.empty() && !passed_on)
    candidate.advice.push_back(fmt::format("Ask {} why: it ended the program{}.", sender, age));
  if (signal == SIGKILL && (sender.empty() || passed_on))
    candidate.advice.push_back(
        fmt::format("Look for who sends SIGKILL{}: {}, or `dmesg` for an OOM kill the counters missed.", age,
                    aged ? "timeout -s KILL, a batch system's time limit, a supervisor's health check"
                         : "the program itself or its parent (Popen.kill(), os.kill()), a supervisor"));
}

}  // namespace

std::optional<Candidate> killed(const Facts& facts) {
  const Death& death = facts.evidence.death;
  if (death.kind != "signal" || !death.signal) return std::nullopt;
  const char* usual = usual_sender(*death.signal);
  const bool outside = facts.sent_from_outside();
  const bool sent_by_itself = death.code && *death.code <= 0 && !outside && *death.signal != SIGABRT;
  if (usual == nullptr && !outside && !sent_by_itself) return std::nullopt;

  const std::string shown = signal_name(*death.signal);
  const std::string sender = sender_phrase(facts);
  Candidate candidate{.slug = "killed", .score = 60};
  const bool no_doubt = outside || (usual != nullptr && *death.signal != SIGKILL);
  candidate.confidence = no_doubt ? Confidence::kCertain : Confidence::kLikely;
  const std::string age =
      facts.evidence.program.age_s ? fmt::format(" {:.1f} s after its start", *facts.evidence.program.age_s) : "";
  candidate.summary =
      fmt::format("{} was ended by {}{}{}.",
                  is_child(facts.evidence.program.fork) ? "A process that the program started" : "The program", shown,
                  sender.empty() ? "" : " from " + sender, age);
  candidate.evidence.push_back(
      sender.empty() ? fmt::format("{} usually comes from {}.", shown, usual != nullptr ? usual : "another process")
                     : fmt::format("{} was sent by {}.", shown, sender));
  const Machine& machine = facts.evidence.machine;
  if (*death.signal == SIGKILL && machine.oom_kills_before && machine.oom_kills_after == machine.oom_kills_before)
    candidate.evidence.push_back("The kernel's oom_kill counter did not move: no OOM kill.");
  if (memory_growth(machine.samples)) candidate.factors.push_back("memory-growth");
  if (*death.signal == SIGKILL && !outside && !machine.oom_kills_after)
    candidate.alternatives.push_back({"out-of-memory", "The OOM killer's counters could not be read."});
  add_advice(facts, *death.signal, candidate);
  return candidate;
}

}  // namespace segwhy
