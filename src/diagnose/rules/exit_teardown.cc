// exit-teardown: the crash happened while the interpreter or the static destructors were shutting down, on the thread
// that does so or on another one that still ran.
//
// A heap that the allocator finds damaged while everything is released was damaged before, and so was a pointer that
// holds text: then this is only a lead.
//
// Near misses (frames.h, shutdown_of): the main thread that waits for the program's own threads is not shutting down
// yet; neither is a function registered with atexit, whose crash is the program's own.
#include <fmt/format.h>

#include "diagnose/frames.h"
#include "diagnose/messages/lines.h"
#include "diagnose/narrate.h"
#include "diagnose/reach.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

struct Teardown {
  Shutdown shutdown;
  const Thread* thread = nullptr;  // that shuts down
  bool own_thread = false;         // and it is the one that crashed
  bool said = false;               // CPython's message names the state
};

std::optional<Teardown> teardown_of(const Facts& facts) {
  Teardown teardown;
  for (const Thread& thread : facts.evidence.threads) {
    const Shutdown shutdown = shutdown_of(thread);
    if (shutdown.frame == nullptr || shutdown.python_callback) continue;
    teardown.shutdown = shutdown;
    teardown.thread = &thread;
    teardown.own_thread = thread.crashed;
    if (thread.crashed) return teardown;
  }
  if (teardown.thread != nullptr) return teardown;
  const auto& fatal = facts.text.python_fatal;
  teardown.said = facts.aborted() && fatal &&
                  (text::contains(fatal->state, "finaliz") ||
                   text::contains_any(fatal->message, {"at interpreter shutdown", "finaliz"}));
  if (teardown.said || facts.evidence.program.finalizing.value_or(false)) return teardown;
  return std::nullopt;
}

bool joinable_thread_destroyed(const Facts& facts) {
  return facts.text.termination && facts.text.termination->kind == text::Termination::Kind::kNoException;
}

std::string other_threads(const Facts& facts) {
  std::vector<std::string> names;
  for (const Thread& thread : facts.evidence.threads) {
    if (thread.crashed || thread.is_main || names.size() >= 4) continue;
    const NativeFrame* outermost = nullptr;
    for (const NativeFrame& frame : thread.native)
      if (!is_libc(frame) && !frame.module.empty()) outermost = &frame;
    names.push_back(fmt::format("{}{}", thread.tid, outermost == nullptr ? "" : " (" + describe(*outermost) + ")"));
  }
  return joined(names, ", ");
}

// The allocator's words about its own bookkeeping. "double free or corruption" may mean two owners that both clean up,
// which is what teardown does.
bool heap_was_damaged(const Facts& facts) {
  const text::HeapComplaint* const complaint = heap_complaint(facts);
  return complaint != nullptr && complaint->kind == text::HeapComplaint::Kind::kMetadata &&
         !text::contains(complaint->text, "double free");
}

// Text where a pointer should be: somebody wrote past his own memory. (A fill of freed memory is what a destructor
// meets that comes too late.)
std::optional<BaseReading> overwritten_pointer(const Facts& facts) {
  const Operand* operand = facts.fault() == nullptr ? nullptr : faulting_operand(*facts.fault());
  if (operand == nullptr) return std::nullopt;
  auto base = read_base(*operand, facts.evidence);
  return base && base->reading.kind == Reading::Kind::kText ? base : std::nullopt;
}

void add_advice(const Facts& facts, const Teardown& teardown, Candidate& candidate) {
  if (joinable_thread_destroyed(facts))
    candidate.advice.push_back(
        "Call the library's stop or shutdown function, which must join its thread, before the program ends (atexit is "
        "early enough).");
  else if (!teardown.own_thread)
    candidate.advice.push_back(
        fmt::format("Stop and join thread {} before the main code ends: daemon threads and pools run on while what "
                    "they use is being destroyed.",
                    facts.crashed == nullptr ? 0 : facts.crashed->tid));
  else if (facts.where && !facts.where_is_native && !facts.where_is_bystander && !facts.where->function.empty())
    candidate.advice.push_back(
        fmt::format("Look at {} ({}): it is called while the interpreter shuts down, when what it uses may be gone.",
                    facts.where->function, line_name(facts)));
  else if (facts.crashed != nullptr && culprit_frame(*facts.crashed) != nullptr)
    candidate.advice.push_back(
        fmt::format("Release the objects behind {} explicitly (close(), shutdown(), del) while the program still runs.",
                    describe(*culprit_frame(*facts.crashed))));
  candidate.advice.push_back("When all output is written, os._exit(0) after flushing skips the shutdown altogether.");
}

}  // namespace

std::optional<Candidate> exit_teardown(const Facts& facts) {
  if (facts.evidence.death.kind != "signal" || facts.sent_from_outside() || facts.may_have_hung()) return std::nullopt;
  const auto teardown = teardown_of(facts);
  if (!teardown) return std::nullopt;
  Candidate candidate{.slug = "exit-teardown", .confidence = Confidence::kLikely, .score = 70};
  const bool joinable =
      joinable_thread_destroyed(facts) && teardown->own_thread && teardown->shutdown.static_destructors;
  if (joinable) candidate.confidence = Confidence::kCertain;
  const auto overwritten = overwritten_pointer(facts);
  if (heap_was_damaged(facts) || overwritten) candidate.confidence = Confidence::kPossible;
  const char* what =
      teardown->shutdown.static_destructors ? "exit handlers and static destructors" : "interpreter shutdown";
  std::string how = facts.aborted() ? "aborted" : "crashed";
  if (joinable) how = "aborted because a std::thread that nobody joined was destroyed";
  candidate.summary = fmt::format("The program had ended; it {} during {}{}.", how, what, in_function(facts));
  if (!teardown->own_thread && facts.crashed != nullptr && teardown->thread != nullptr)
    candidate.summary = fmt::format("Thread {} was still running{} while the main thread was in {}, and {}.",
                                    facts.crashed->tid, in_function(facts), what, how);
  if (teardown->shutdown.frame != nullptr)
    candidate.evidence.push_back(
        fmt::format("{} is on the stack of {}.", describe(*teardown->shutdown.frame),
                    teardown->own_thread ? "the thread that died" : "thread " + std::to_string(teardown->thread->tid)));
  if (facts.evidence.program.finalizing.value_or(false))
    candidate.evidence.push_back("The interpreter was finalising.");
  if (overwritten) candidate.evidence.push_back(sentence_of(*overwritten));
  if (teardown->said)
    candidate.evidence.push_back("CPython printed: " + text::shortened(facts.text.python_fatal->text, 300));
  if (const std::string others = other_threads(facts); !others.empty())
    candidate.evidence.push_back("Threads still alive: " + others + ".");
  add_common_evidence(facts, candidate);
  add_advice(facts, *teardown, candidate);
  if (candidate.confidence != Confidence::kCertain)
    candidate.alternatives.push_back(
        {"heap-corruption", "Damage done earlier often shows only when everything is released at the end."});
  return candidate;
}

}  // namespace segwhy
