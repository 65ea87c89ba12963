// deadlock: no thread can go on, as far as stacks show: every thread waits, and those that matter for a lock or another
// thread. Asked about a living process it is the answer; after a kill from outside it is a lead.
//
// Near misses: idle pool workers wait for locks in every healthy process, so the main thread must wait as well; a
// thread that runs, sleeps or reads may release the lock yet.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "diagnose/frames.h"
#include "diagnose/narrate.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

std::string waiting_for(Wait wait) {
  switch (wait) {
    case Wait::kLock:
      return "a lock or another thread";
    case Wait::kChild:
      return "a child process";
    case Wait::kPipe:
      return "somebody to read what it writes";
    default:
      return "something";
  }
}

std::string describe_wait(const Thread& thread, Wait wait) {
  std::string who =
      thread.is_main ? "The main thread"
                     : "Thread " + std::to_string(thread.tid) + (thread.name.empty() ? "" : " (" + thread.name + ")");
  std::string text = fmt::format("{} waits for {}", who, waiting_for(wait));
  const auto frame =
      std::find_if(thread.python.begin(), thread.python.end(), [](const PythonFrame& f) { return f.line.has_value(); });
  if (frame != thread.python.end())
    text += fmt::format(" in {} ({}:{})", frame->function, base_name(frame->file), *frame->line);
  else if (!thread.native.empty())
    text += fmt::format(" in {}", describe(thread.native.front()));
  return text + ".";
}

}  // namespace

std::optional<Candidate> deadlock(const Facts& facts) {
  if (!facts.may_have_hung() || facts.evidence.threads.empty()) return std::nullopt;
  bool main_waits = false;
  Candidate candidate{.slug = "deadlock", .score = 50};
  for (const Thread& thread : facts.evidence.threads) {
    if (thread.native.empty()) return std::nullopt;
    const Wait wait = wait_of(thread);
    const bool stuck = wait == Wait::kLock || wait == Wait::kChild || wait == Wait::kPipe;
    if (!stuck) return std::nullopt;
    if (thread.is_main) main_waits = true;
    // Native workers without Python are mostly idle; what they wait for says little.
    if (candidate.evidence.size() < 8 && (thread.is_main || !thread.python.empty()))
      candidate.evidence.push_back(describe_wait(thread, wait));
  }
  if (!main_waits) return std::nullopt;
  const bool alive = facts.evidence.death.kind == "none";
  candidate.confidence = alive ? Confidence::kLikely : Confidence::kPossible;
  candidate.summary = fmt::format("No thread could go on{}: all {} wait for each other or for another process.",
                                  at_line(facts), facts.evidence.threads.size());
  candidate.alternatives.push_back({"killed", "The wait may be legitimate and the end have come from outside."});
  if (facts.where)
    candidate.advice.push_back(fmt::format(
        "Break the cycle at {}: release what the other side needs (drain the queue, drop the lock) before waiting.",
        line_name(facts)));
  return candidate;
}

}  // namespace segwhy
