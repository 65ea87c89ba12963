// fork-after-threads: a forked child relies on threads or locks that existed only in its parent.
//
// Near misses: a child of a parent with one thread; a child whose death the instruction explains (those facts stay the
// verdict, this becomes a lead); a parent that forked but died itself.
#include <fmt/format.h>

#include <algorithm>

#include "diagnose/frames.h"
#include "diagnose/messages/lines.h"
#include "diagnose/narrate.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

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

const Thread* forking_thread(const Facts& facts) {
  for (const Thread& thread : facts.evidence.threads)
    if (thread.is_main) return &thread;
  return facts.evidence.threads.empty() ? nullptr : &facts.evidence.threads.front();
}

// The pool function on a stack's inner frames, below waiting.
const NativeFrame* pool_frame(const Thread& thread) {
  for (std::size_t i = 0; i < std::min<std::size_t>(thread.native.size(), 24); ++i)
    if (is_pool_code(thread.native[i])) return &thread.native[i];
  return nullptr;
}

}  // namespace

std::optional<Candidate> fork_after_threads(const Facts& facts) {
  const Fork& fork = facts.evidence.program.fork;
  if (fork.origin != "fork" || fork.parent_threads.value_or(0) == 0) return std::nullopt;
  const bool hung = facts.may_have_hung();
  const bool crashed = facts.evidence.death.kind == "signal" && !hung;
  if (!hung && !crashed) return std::nullopt;
  const Thread* thread = crashed && facts.crashed != nullptr ? facts.crashed : forking_thread(facts);
  const NativeFrame* pool = thread == nullptr ? nullptr : pool_frame(*thread);
  const bool waits = thread != nullptr && wait_of(*thread) == Wait::kLock;

  Candidate candidate{.slug = "fork-after-threads", .confidence = Confidence::kPossible, .score = 50};
  if (hung && waits) candidate.confidence = Confidence::kLikely;
  if (crashed && pool != nullptr) candidate.confidence = Confidence::kLikely;
  if (hung && !waits && thread != nullptr && !thread->native.empty()) return std::nullopt;
  const std::string in = pool == nullptr ? "" : " in " + describe(*pool);
  candidate.summary =
      fmt::format("A child forked from a process with {} more threads {}{}{}: those threads do not exist in it.",
                  *fork.parent_threads, hung ? "waited for ever" : "crashed", in, at_line(facts));
  candidate.evidence.push_back(fmt::format(
      "Process {} was forked (without exec) by {}, which then had {} other native threads.", facts.evidence.program.pid,
      fork.parent_pid ? "process " + std::to_string(*fork.parent_pid) : "its parent", *fork.parent_threads));
  if (waits)
    candidate.evidence.push_back(
        fmt::format("It waits for a lock or another thread: {}.", describe(thread->native.front())));
  if (pool != nullptr) candidate.evidence.push_back(fmt::format("{} is thread-pool code.", describe(*pool)));
  add_common_evidence(facts, candidate);
  candidate.advice.push_back(
      fmt::format("Start workers with multiprocessing.get_context(\"spawn\") or \"forkserver\"{}, or fork before the "
                  "first use of the threaded library.",
                  at_line(facts)));
  if (hung) candidate.alternatives.push_back({"deadlock", "The lock may be held by a thread of this very process."});
  return candidate;
}

}  // namespace segwhy
