// fork-after-threads: a forked child relies on threads or locks that existed only in its parent.
//
// Near misses: a child of a parent with one thread; a child that crashed in code whose threads the parent did not have
// (the fault's own class, this is a lead); a child that waits for another process, or for a thread of its own; a parent
// that forked but died itself of something else.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "diagnose/frames.h"
#include "diagnose/messages/lines.h"
#include "diagnose/narrate.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"
#include "diagnose/standstill.h"
#include "diagnose/where.h"

namespace segwhy {
namespace {

// Words by which thread pools and runtimes name their own functions.
bool is_pool_code(const NativeFrame& frame) {
  std::string name = frame.function.empty() ? frame.symbol : frame.function;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text::contains_any(
      name, {"threadpool", "thread_pool", "gomp_", "__kmp", "blas_server", "exec_blas", "rayon", "tbb::", "workqueue",
             "executor", "scheduler", "grpc_", "parallel_for", "eventloop"});
}

bool is_cxx_runtime(const NativeFrame& frame) {
  return base_name(frame.module).starts_with("libstdc++") || base_name(frame.module).starts_with("libc++");
}

// The pool function on a stack's inner frames, below waiting.
const NativeFrame* pool_frame(const Thread& thread) {
  for (std::size_t i = 0; i < std::min<std::size_t>(thread.native.size(), 24); ++i)
    if (is_pool_code(thread.native[i])) return &thread.native[i];
  return nullptr;
}

// The threads of the parent's that ran the code which the thread is in now; nullptr when there were none.
const ThreadGroup* lost_pool(const Fork& fork, const Thread& thread) {
  // Everybody's libraries did what their caller told them; Python's own threads are no library's pool.
  const auto frame = std::find_if(thread.native.begin(), thread.native.end(), [](const NativeFrame& f) {
    return !f.module.empty() && !is_libc(f) && !is_cxx_runtime(f);
  });
  if (frame == thread.native.end() || is_interpreter(*frame)) return nullptr;
  const auto group = std::find_if(fork.parent_pools.begin(), fork.parent_pools.end(),
                                  [&](const ThreadGroup& g) { return g.module == frame->module; });
  return group == fork.parent_pools.end() ? nullptr : &*group;
}

bool is_child_of_threads(const Fork* fork) {
  return fork != nullptr && fork->origin == "fork" && fork->parent_threads.value_or(0) > 0;
}

std::string pool_sentence(const ThreadGroup& group) {
  return fmt::format("The parent ran {} thread{} of {}{}; fork() does not copy threads.", group.threads,
                     group.threads == 1 ? "" : "s", base_name(group.module),
                     group.function.empty() ? "" : " (" + group.function + ")");
}

void add_fork_evidence(const Case& evidence, int pid, const Fork& fork, Candidate& candidate) {
  candidate.evidence.push_back(fmt::format(
      "Process {} was forked (without exec) by {}, which then had {} other native threads.", pid,
      fork.parent_pid ? "process " + std::to_string(*fork.parent_pid) : "its parent", *fork.parent_threads));
  if (!fork.parent_pid) return;
  for (const OtherProcess& other : evidence.processes) {
    if (other.pid != *fork.parent_pid || other.threads.empty()) continue;
    const auto line = user_line(other.threads.front());
    if (line && line->line)
      candidate.evidence.push_back(
          fmt::format("The parent, process {}, was at {}.", other.pid, short_place(line->file, line->line)));
  }
}

void add_fork_advice(const std::string& at, Candidate& candidate) {
  candidate.advice.push_back(
      fmt::format("Start workers with multiprocessing.get_context(\"spawn\") or \"forkserver\"{}, or fork before the "
                  "first use of the threaded library.",
                  at));
}

// A child that waits where the threads of its own cannot help: it has no others, the lock's holder is none of them, or
// it is in a library whose threads stayed behind.
const StuckThread* waiter_of(const Case& evidence, const Knot& knot) {
  const int pid = knot.front()->pid;
  const Fork* const fork = fork_of(evidence, pid);
  if (!is_child_of_threads(fork)) return nullptr;
  for (const StuckThread* stuck : knot) {
    if (stuck->pid != pid) return nullptr;
    if (stuck->absent_holder) return stuck;
    if (stuck->kind != "lock") continue;
    const Thread* const thread = frames_of(evidence, *stuck);
    if (thread_count(evidence, pid) == 1 || (thread != nullptr && lost_pool(*fork, *thread) != nullptr)) return stuck;
  }
  return nullptr;
}

Candidate hung_child(const Facts& facts, const StuckThread& stuck) {
  const Case& evidence = facts.evidence;
  const Fork& fork = *fork_of(evidence, stuck.pid);
  Candidate candidate{.slug = "fork-after-threads", .confidence = Confidence::kLikely, .score = 75};
  candidate.evidence.push_back(describe(evidence, stuck));
  std::string forked_at;
  if (const Thread* thread = frames_of(evidence, stuck)) {
    candidate.where = forking_line(*thread);
    if (candidate.where && candidate.where->line)
      forked_at = " at " + short_place(candidate.where->file, candidate.where->line);
    else
      candidate.where = user_line(*thread);
    if (const ThreadGroup* group = lost_pool(fork, *thread)) candidate.evidence.push_back(pool_sentence(*group));
  }
  candidate.summary = fmt::format(
      "A child forked{} from a process with {} more threads waited for ever: those threads "
      "do not exist in it.",
      forked_at, *fork.parent_threads);
  add_fork_evidence(evidence, stuck.pid, fork, candidate);
  add_fork_advice(forked_at, candidate);
  candidate.alternatives.push_back({"deadlock", "The child may have locked itself out without the fork's doing."});
  return candidate;
}

std::optional<Candidate> standstill_of_child(const Facts& facts) {
  const int pid = facts.evidence.program.pid;
  if (!is_stuck(facts.evidence, pid, pid)) return std::nullopt;
  for (const Knot& knot : knots_of(facts.evidence))
    if (const StuckThread* stuck = waiter_of(facts.evidence, knot)) return hung_child(facts, *stuck);
  return std::nullopt;
}

const Thread* main_thread(const Facts& facts) {
  for (const Thread& thread : facts.evidence.threads)
    if (thread.is_main) return &thread;
  return facts.evidence.threads.empty() ? nullptr : &facts.evidence.threads.front();
}

// By the stack of the child alone: what it waits for may yet come.
std::optional<Candidate> suspected_wait(const Facts& facts, const Fork& fork) {
  const Thread* const thread = main_thread(facts);
  if (thread == nullptr || wait_of(*thread) != Wait::kLock) return std::nullopt;
  Candidate candidate{.slug = "fork-after-threads", .confidence = Confidence::kPossible, .score = 50};
  candidate.summary = fmt::format(
      "A child forked from a process with {} more threads waited for a lock or another thread{}: those "
      "threads do not exist in it.",
      *fork.parent_threads, at_line(facts));
  candidate.evidence.push_back(
      fmt::format("It waits for a lock or another thread: {}.", describe(thread->native.front())));
  if (const NativeFrame* pool = pool_frame(*thread)) {
    candidate.confidence = Confidence::kLikely;
    candidate.evidence.push_back(fmt::format("{} is thread-pool code.", describe(*pool)));
  }
  add_fork_evidence(facts.evidence, facts.evidence.program.pid, fork, candidate);
  add_fork_advice(at_line(facts), candidate);
  candidate.alternatives.push_back({"deadlock", "The lock may be held by a thread of this very process."});
  return candidate;
}

std::optional<Candidate> crashed_child(const Facts& facts, const Fork& fork) {
  const Thread* const thread = facts.crashed != nullptr ? facts.crashed : main_thread(facts);
  const NativeFrame* const pool = thread == nullptr ? nullptr : pool_frame(*thread);
  const ThreadGroup* const lost = thread == nullptr ? nullptr : lost_pool(fork, *thread);
  Candidate candidate{.slug = "fork-after-threads", .confidence = Confidence::kPossible, .score = 50};
  if (pool != nullptr || lost != nullptr) candidate.confidence = Confidence::kLikely;
  candidate.summary =
      fmt::format("A child forked from a process with {} more threads crashed{}{}: those threads do not exist in it.",
                  *fork.parent_threads,
                  pool != nullptr   ? " in " + describe(*pool)
                  : lost != nullptr ? " in " + std::string(base_name(lost->module))
                                    : "",
                  at_line(facts));
  if (lost != nullptr) candidate.evidence.push_back(pool_sentence(*lost));
  if (pool != nullptr) candidate.evidence.push_back(fmt::format("{} is thread-pool code.", describe(*pool)));
  add_fork_evidence(facts.evidence, facts.evidence.program.pid, fork, candidate);
  add_common_evidence(facts, candidate);
  add_fork_advice(at_line(facts), candidate);
  return candidate;
}

}  // namespace

std::optional<Candidate> fork_after_threads(const Facts& facts) {
  const Fork& fork = facts.evidence.program.fork;
  if (facts.may_have_hung()) {
    if (auto proven = standstill_of_child(facts)) return proven;
    return is_child_of_threads(&fork) ? suspected_wait(facts, fork) : std::nullopt;
  }
  if (facts.evidence.death.kind != "signal" || !is_child_of_threads(&fork)) return std::nullopt;
  return crashed_child(facts, fork);
}

}  // namespace segwhy
