// uncaught-exception: a C++ exception reached no handler, told by the exception object or by the last words of the C++
// runtime.
//
// Certain needs std::terminate on the stack: the words may be those of another program, relayed.
//
// Near misses: "without an active exception" is a destroyed joinable thread or a plain terminate(), still
// std::terminate's doing but no exception; "pure virtual method called" is a call on a dead object.
#include <fmt/format.h>

#include "diagnose/abort_origin.h"
#include "diagnose/frames.h"
#include "diagnose/messages/lines.h"
#include "diagnose/narrate.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

using Kind = text::Termination::Kind;

std::optional<Candidate> without_exception(const Facts& facts, const text::Termination& termination) {
  if (termination.kind == Kind::kException || termination.kind == Kind::kRecursive) return std::nullopt;
  Candidate candidate{.slug = "uncaught-exception", .score = 85};
  candidate.confidence = unless_requested(facts, Confidence::kLikely);
  if (termination.kind == Kind::kPureVirtual) {
    candidate.slug = "abort";
    candidate.summary = fmt::format(
        "{} called a pure virtual function: the object is being built or already destroyed.", subject(facts));
    candidate.alternatives.push_back({"use-after-free", "A call on a destroyed object ends like this."});
    candidate.alternatives.push_back({"data-race", "One thread destroys the object while another calls it."});
  } else {
    candidate.summary = fmt::format(
        "std::terminate() was called without an exception{}: a std::thread was destroyed before join() or detach().",
        in_function(facts));
    candidate.advice.push_back(
        "Join or detach every std::thread before its object is destroyed, also on the way out of the program.");
    candidate.alternatives.push_back(
        {"exit-teardown", "The thread's object may be a global that the exit handlers destroy."});
  }
  candidate.evidence.push_back("The C++ runtime printed: " + termination.text);
  add_common_evidence(facts, candidate);
  return candidate;
}

// The search for a handler ended at a function that lets none out: the personality routine itself called
// std::terminate, with the throw still on the stack. Where no handler exists at all, __cxa_throw does.
bool stopped_by_noexcept(const Thread& thread) {
  bool in_search = false;
  for (const NativeFrame& frame : thread.native) {
    const std::string_view name = plain_name(frame);
    if (name == "__gxx_personality_v0" || name == "__cxa_call_terminate") in_search = true;
    if (name == "__cxa_throw" || name == "__cxa_rethrow") return in_search;
  }
  return false;
}

bool is_destructor(const NativeFrame& frame) {
  return plain_name(frame).find("::~") != std::string_view::npos;
}

const NativeFrame* innermost(const Thread& thread, bool (*test)(const NativeFrame&)) {
  for (const NativeFrame& frame : thread.native)
    if (test(frame)) return &frame;
  return nullptr;
}

// Its callers are the ones that may have forbidden it; a destructor forbids it without saying so.
std::string forbidding_function(const Thread& thread) {
  if (const NativeFrame* destructor = innermost(thread, is_destructor))
    return "the destructor " + describe(*destructor) + ", which is noexcept unless it says otherwise";
  const auto is_users = [](const NativeFrame& frame) { return frame.origin == "user"; };
  const NativeFrame* users = innermost(thread, is_users);
  return users == nullptr ? "the function that is declared noexcept between the throw and its catch"
                          : "the function that is declared noexcept, " + describe(*users) + " or one that called it";
}

void add_noexcept(const Facts& facts, const std::string& type, Candidate& candidate) {
  candidate.evidence.emplace_back(
      "The search for a handler ended at a function that lets no exception out (noexcept, or a destructor).");
  candidate.advice.push_back(fmt::format("Catch {} inside {}, or let it out there (noexcept(false)).", type,
                                         forbidding_function(*facts.crashed)));
}

// What a thread of the native code's own runs: no caller could catch what leaves it.
bool left_its_thread(const Thread& thread) {
  return !thread.is_main && thread.python.empty() && innermost(thread, is_start_up) != nullptr;
}

Candidate with_exception(const Facts& facts, const std::string& type, const std::string& what, const char* how_known) {
  Candidate candidate{.slug = "uncaught-exception", .score = 90};
  candidate.confidence = belief_in_words(facts, AbortOrigin::kTerminate);
  candidate.summary = fmt::format("A C++ exception nobody catches escaped{}: {}{}.", at_line(facts), type,
                                  what.empty() ? "" : ", \"" + text::shortened(what, 200) + "\"");
  candidate.evidence.push_back(how_known);
  if (abort_origin(facts) == AbortOrigin::kTerminate)
    if (const NativeFrame* frame = culprit_frame(*facts.crashed))
      candidate.evidence.push_back(fmt::format("std::terminate was reached from {}.", describe(*frame)));
  add_common_evidence(facts, candidate);
  if (facts.crashed != nullptr && stopped_by_noexcept(*facts.crashed))
    add_noexcept(facts, type, candidate);
  else if (facts.crashed != nullptr && left_its_thread(*facts.crashed))
    candidate.advice.push_back(fmt::format(
        "Catch {} in the function that the thread runs and hand it to whoever waits for it (std::exception_ptr): one "
        "that leaves a thread always ends the process.",
        type));
  else if (facts.where_is_native)
    candidate.advice.push_back(
        fmt::format("Catch {} in a caller of {}, or test for its cause before.", type, line_name(facts)));
  else if (facts.where && !what.empty())
    candidate.advice.push_back(
        fmt::format("{} asks for what the library rejects with \"{}\": test for that before the call.",
                    line_name(facts), text::shortened(what, 120)));
  return candidate;
}

}  // namespace

std::optional<Candidate> uncaught_exception(const Facts& facts) {
  if (!facts.aborted()) return std::nullopt;
  if (const auto& exception = facts.evidence.messages.exception; exception && !exception->type.empty()) {
    // The object may be one that was being handled when something else aborted.
    const bool said =
        facts.text.termination || exception->source == "message" || abort_origin(facts) == AbortOrigin::kTerminate;
    Candidate candidate = with_exception(facts, exception->type, exception->what,
                                         "The exception object was in flight when the process aborted.");
    if (!said) candidate.confidence = Confidence::kPossible;
    return candidate;
  }
  if (!facts.text.termination || facts.text.abort_text_known) return std::nullopt;
  const text::Termination& termination = *facts.text.termination;
  if (termination.kind == Kind::kException)
    return with_exception(facts, termination.type, termination.what, "The C++ runtime's last words were printed.");
  return without_exception(facts, termination);
}

}  // namespace segwhy
