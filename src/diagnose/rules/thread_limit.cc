// thread-limit: a thread (or process) could not be created.
//
// Near misses: the words in a log of something else, or in an exception that the program raised itself; an abort that
// the program asked for after them.
#include <fmt/format.h>

#include <cerrno>
#include <csignal>

#include "base/text.h"
#include "diagnose/abort_origin.h"
#include "diagnose/exit_words.h"
#include "diagnose/messages/lines.h"
#include "diagnose/narrate.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

// The words of the message that ended the process, when they are about a thread.
std::optional<text::ThreadFailure> last_words(const Facts& facts) {
  const auto about = [](std::string_view words) { return text::read_thread_failure(words); };
  if (facts.failed_exit()) {
    const text::Traceback* traceback = facts.text.final_traceback();
    if (traceback == nullptr) return about(facts.text.last_line);
    if (raised_by_user(*traceback)) return std::nullopt;
    auto failure = about(traceback->type + ": " + traceback->message);
    // fork() and clone() fail with the same error, as Python's BlockingIOError.
    const bool fork_refused =
        text::exception_name(*traceback) == "BlockingIOError" && text::contains(traceback->message, "[Errno 11]") &&
        !traceback->frames.empty() &&
        text::contains_any(traceback->frames.back().source + traceback->frames.back().function, {"fork", "spawn"});
    if (!failure && fork_refused) failure = text::ThreadFailure{"a child process", traceback->message};
    return failure;
  }
  if (abort_origin(facts) == AbortOrigin::kRequested) return std::nullopt;
  if (facts.aborted() && facts.text.check)
    if (auto failure = about(facts.text.check->text)) return failure;
  const auto& exception = facts.evidence.messages.exception;
  const bool system_error = (exception && exception->type == "std::system_error" &&
                             text::contains(exception->what, "Resource temporarily unavailable")) ||
                            (facts.text.termination && facts.text.termination->type == "std::system_error" &&
                             text::contains(facts.text.termination->what, "Resource temporarily unavailable"));
  if (facts.aborted() && system_error)
    return text::ThreadFailure{"", "std::system_error: Resource temporarily unavailable"};
  if (facts.aborted() && facts.text.panic)
    if (auto failure = about(facts.text.panic->message)) return failure;
  // OpenBLAS goes on without its threads and raises SIGINT on itself, or crashes.
  const bool own_doing = facts.evidence.death.kind == "signal" && !facts.sent_from_outside() && !facts.died_of(SIGKILL);
  return own_doing ? facts.text.threads : std::nullopt;
}

void add_counts(const Facts& facts, Candidate& candidate) {
  const Machine& machine = facts.evidence.machine;
  if (machine.cgroup && machine.cgroup->pids_limit) {
    const bool refused = machine.cgroup->pids_refused_before && machine.cgroup->pids_refused_after &&
                         *machine.cgroup->pids_refused_after > *machine.cgroup->pids_refused_before;
    candidate.evidence.push_back(fmt::format("The cgroup's pids.max is {}{}.", *machine.cgroup->pids_limit,
                                             refused ? " and refused during the run" : ""));
    candidate.advice.push_back(
        fmt::format("Raise the container's limit of {} tasks: `docker run --pids-limit`, or pids.max of the cgroup.",
                    *machine.cgroup->pids_limit));
  }
  const auto nproc = facts.soft_limit("nproc");
  if (nproc && machine.user_threads) {
    candidate.evidence.push_back(
        fmt::format("This user has {} threads of {} allowed (RLIMIT_NPROC).", *machine.user_threads, *nproc));
    if (*machine.user_threads * 10 >= *nproc * 9)
      candidate.advice.push_back(fmt::format("Raise RLIMIT_NPROC, now {}: `ulimit -u`.", *nproc));
  }
  if (const auto limit = facts.soft_limit("as")) {
    candidate.evidence.push_back(
        fmt::format("Address space is limited to {}, and each thread's stack takes its share.", human_bytes(*limit)));
    candidate.advice.push_back("Lift `ulimit -v`, or shrink stacks with `ulimit -s 512`.");
  }
  candidate.advice.push_back(
      fmt::format("Start fewer threads{}: OMP_NUM_THREADS, OPENBLAS_NUM_THREADS, TF_NUM_INTRAOP_THREADS and "
                  "TF_NUM_INTEROP_THREADS set to {}.",
                  at_line(facts), machine.cpus == 0 ? 1U : std::min(machine.cpus, 4U)));
}

bool raised_where_threads_start(const Facts& facts) {
  const text::Traceback* traceback = facts.text.final_traceback();
  if (traceback == nullptr || traceback->frames.empty()) return false;
  const text::TracebackFrame& innermost = traceback->frames.back();
  return base_name(innermost.file) == "threading.py" ||
         text::contains_any(innermost.source, {"start_new_thread", ".start()"});
}

// Words are believed as far as something else agrees: the refusal that was recorded, or the place they come from.
Confidence confidence_of(const Facts& facts, bool words, bool refused) {
  if (!words) return Confidence::kPossible;
  if (facts.failed_exit() && facts.text.final_traceback() != nullptr && !ended_by_traceback(facts))
    return Confidence::kPossible;
  if (refused || (facts.failed_exit() && raised_where_threads_start(facts))) return Confidence::kCertain;
  const bool crashed = facts.evidence.death.kind == "signal" && !facts.aborted();
  return crashed ? Confidence::kPossible : Confidence::kLikely;
}

}  // namespace

std::optional<Candidate> thread_limit(const Facts& facts) {
  const auto words = last_words(facts);
  const auto& failure = facts.evidence.thread_create_failure;
  const bool refused = failure && (failure->error == EAGAIN || failure->error == EPERM || failure->error == ENOMEM);
  const bool died = facts.evidence.death.kind == "signal" && !facts.sent_from_outside() && !facts.may_have_hung();
  if (!words && !(refused && died)) return std::nullopt;
  Candidate candidate{.slug = "thread-limit", .score = words ? 90 : 60};
  candidate.confidence = confidence_of(facts, words.has_value(), refused);
  const std::string pool = words && !words->pool.empty() ? " for " + words->pool : "";
  candidate.summary = fmt::format("No further thread could be created{}{}{}.", pool, at_line(facts),
                                  failure ? fmt::format("; {} were running", failure->live_threads) : "");
  if (words) candidate.evidence.push_back("The program said: " + text::shortened(words->text, 300));
  if (failure)
    candidate.evidence.push_back(fmt::format("pthread_create failed with errno {} while {} threads were alive.",
                                             failure->error, failure->live_threads));
  add_counts(facts, candidate);
  add_common_evidence(facts, candidate);
  return candidate;
}

}  // namespace segwhy
