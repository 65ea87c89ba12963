// deadlock: no thread can go on. Either the wait graph of all processes shows it (Case::stuck), or, with stacks alone,
// every thread waits, and those that matter for a lock or another thread: a lead.
//
// Near misses: idle pool workers wait for locks in every healthy process, so the main thread must wait as well; a
// thread that runs, sleeps or reads may release the lock yet; a program that waits for an event which nobody is left to
// set may mean to wait until it is ended; a forked child that waits alone (fork-after-threads).
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "diagnose/frames.h"
#include "diagnose/narrate.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"
#include "diagnose/standstill.h"
#include "diagnose/where.h"

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
    text += fmt::format(" in {} ({})", frame->function, short_place(frame->file, frame->line));
  else if (!thread.native.empty())
    text += fmt::format(" in {}", describe(thread.native.front()));
  return text + ".";
}

constexpr std::size_t kMostSentences = 8;

std::optional<SourceLine> line_of(const Case& evidence, const StuckThread& stuck) {
  const Thread* const thread = frames_of(evidence, stuck);
  return thread == nullptr ? std::nullopt : user_line(*thread);
}

// Two threads of the user's that wait for each other mean no idleness, whatever each of them waits for; nor does one
// that waits for what is never idled on.
bool means_to_wait(const Case& evidence, const Knot& knot) {
  std::size_t users = 0;
  for (const StuckThread* stuck : knot) {
    if (!may_be_idle(evidence, *stuck)) return false;
    if (line_of(evidence, *stuck)) ++users;
  }
  return users < 2;
}

// What is waited for names who could end the wait, or leaves a single thread.
bool is_exact(const Case& evidence, const StuckThread& stuck) {
  if (stuck.named || stuck.kind == "read" || stuck.kind == "write") return true;
  return stuck.kind == "lock" && thread_count(evidence, stuck.pid) == 2;
}

// A forked child of a parent with threads may wait for what stayed behind: see fork_after_threads.cc.
bool may_be_the_forks_doing(const Case& evidence, const Knot& knot) {
  const Fork* const fork = fork_of(evidence, knot.front()->pid);
  if (fork == nullptr || fork->origin != "fork" || fork->parent_threads.value_or(0) == 0) return false;
  return std::all_of(knot.begin(), knot.end(), [&](const StuckThread* s) { return s->pid == knot.front()->pid; }) &&
         std::any_of(knot.begin(), knot.end(),
                     [](const StuckThread* s) { return s->kind == "lock" || s->absent_holder; });
}

// The knot that the dead process's main thread is in, else the first that is none of idle threads.
const Knot* choose_knot(const Case& evidence, const std::vector<Knot>& knots) {
  const int pid = evidence.program.pid;
  const Knot* chosen = nullptr;
  for (const Knot& knot : knots) {
    if (std::any_of(knot.begin(), knot.end(), [pid](const StuckThread* s) { return s->pid == pid && s->tid == pid; }))
      return &knot;
    if (chosen == nullptr || (means_to_wait(evidence, *chosen) && !means_to_wait(evidence, knot))) chosen = &knot;
  }
  return chosen;
}

bool has_kind(const Knot& knot, std::string_view kind) {
  return std::any_of(knot.begin(), knot.end(), [&](const StuckThread* s) { return s->kind == kind; });
}

std::string place(const std::optional<SourceLine>& line) {
  return line && line->line ? short_place(line->file, line->line) : "its end";
}

void add_knot_advice(const Case& evidence, const Knot& knot, Candidate& candidate) {
  std::vector<std::string> lines;
  for (const StuckThread* stuck : knot)
    if (const auto line = line_of(evidence, *stuck); line && line->line) lines.push_back(place(line));
  const std::string all = joined(lines, ", ");
  const auto child = std::find_if(knot.begin(), knot.end(), [](const StuckThread* s) { return s->kind == "child"; });
  if (child != knot.end() && has_kind(knot, "write"))
    candidate.advice.push_back(
        fmt::format("At {}, first read all that {} writes (drain the queue or pipe), then wait "
                    "for it to end.",
                    place(line_of(evidence, **child)), (*child)->object.empty() ? "the child" : (*child)->object));
  else if (has_kind(knot, "gil"))
    candidate.advice.push_back(
        fmt::format("Release the GIL before waiting for the native lock, or the lock before "
                    "calling into Python ({}).",
                    all));
  else if (has_kind(knot, "mutex") || has_kind(knot, "lock"))
    candidate.advice.push_back(knot.size() > 1 && !lines.empty()
                                   ? fmt::format("Take the locks in one order, or release one before waiting for the "
                                                 "other: {}.",
                                                 all)
                                   : fmt::format("Do not wait at {} for what only the waiting thread can release.",
                                                 lines.empty() ? "this place" : lines.front()));
  else if (!lines.empty())
    candidate.advice.push_back(fmt::format("Break the cycle at one of {}.", all));
}

std::optional<Candidate> proven_deadlock(const Facts& facts) {
  const Case& evidence = facts.evidence;
  if (!is_stuck(evidence, evidence.program.pid, evidence.program.pid)) return std::nullopt;
  const std::vector<Knot> knots = knots_of(evidence);
  const Knot* const knot = choose_knot(evidence, knots);
  if (knot == nullptr) return std::nullopt;
  Candidate candidate{.slug = "deadlock", .confidence = Confidence::kLikely, .score = 70};
  std::set<int> pids;
  for (const StuckThread* stuck : *knot) {
    pids.insert(stuck->pid);
    if (candidate.evidence.size() < kMostSentences) candidate.evidence.push_back(describe(evidence, *stuck));
    const bool here = stuck->pid == evidence.program.pid && stuck->tid == stuck->pid;
    if (auto line = line_of(evidence, *stuck); line && (here || !candidate.where)) candidate.where = std::move(line);
  }
  const bool exact =
      std::all_of(knot->begin(), knot->end(), [&](const StuckThread* s) { return is_exact(evidence, *s); });
  if (exact && !may_be_the_forks_doing(evidence, *knot)) candidate.confidence = Confidence::kCertain;
  if (means_to_wait(evidence, *knot)) candidate.confidence = Confidence::kPossible;
  const std::string at = candidate.where ? " at " + place(candidate.where) : "";
  candidate.summary =
      knot->size() == 1
          ? fmt::format("The program could not go on{}: a thread waited for what nobody else can give it.", at)
          : fmt::format("The program could not go on{}: {} threads{} waited for each other.", at, knot->size(),
                        pids.size() > 1 ? fmt::format(" of {} processes", pids.size()) : "");
  add_knot_advice(evidence, *knot, candidate);
  candidate.alternatives.push_back({"killed", "The wait may be meant to last until somebody ends the program."});
  return candidate;
}

}  // namespace

std::optional<Candidate> deadlock(const Facts& facts) {
  if (!facts.may_have_hung() || facts.evidence.threads.empty()) return std::nullopt;
  if (auto proven = proven_deadlock(facts)) return proven;
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
