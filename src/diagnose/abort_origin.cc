#include "diagnose/abort_origin.h"

#include <csignal>

#include "diagnose/frames.h"

namespace segwhy {
namespace {

// abort() and raise() use tgkill; kill(2) is what somebody uses who wants the signal and nothing else.
bool sent_by_kill(const Facts& facts) {
  return facts.died_of(SIGABRT) && facts.evidence.death.code == SI_USER;
}

// The frame below the C library's own: who called abort().
const NativeFrame* caller_of_abort(const Thread& thread) {
  for (const NativeFrame& frame : thread.native)
    if (role_of(frame) != FrameRole::kAbort) return &frame;
  return nullptr;
}

bool aborted_by_stand_in(const Thread& thread) {
  for (const NativeFrame& frame : thread.native) {
    if (role_of(frame) != FrameRole::kAbort) return false;
    if (is_stand_in(frame)) return true;
  }
  return false;
}

bool asks_for_abort(const NativeFrame& frame) {
  if (is_foreign_call(frame)) return true;
  const std::string_view name = plain_name(frame);
  return is_interpreter(frame) &&
         (name.starts_with("os_abort") || name.starts_with("os_kill") || name.starts_with("signal_raise_signal"));
}

}  // namespace

AbortOrigin abort_origin(const Facts& facts) {
  if (!facts.aborted()) return AbortOrigin::kUnknown;
  if (sent_by_kill(facts)) return AbortOrigin::kRequested;
  if (facts.crashed == nullptr || facts.crashed->native.empty()) return AbortOrigin::kUnknown;
  // Segwhy's stand-ins for malloc and free abort where the C library would.
  if (aborted_by_stand_in(*facts.crashed)) return AbortOrigin::kLibc;
  const NativeFrame* caller = caller_of_abort(*facts.crashed);
  if (caller == nullptr) return AbortOrigin::kUnknown;
  if (asks_for_abort(*caller)) return AbortOrigin::kRequested;
  if (role_of(*caller) == FrameRole::kTerminate) return AbortOrigin::kTerminate;
  if (is_libc(*caller)) return AbortOrigin::kLibc;
  // A terminate handler of the program's own may stand in front of the C++ runtime.
  for (const NativeFrame& frame : facts.crashed->native) {
    const FrameRole role = role_of(frame);
    // Stripped frames of libstdc++ are also what its threads start in.
    if (role == FrameRole::kTerminate && !plain_name(frame).empty()) return AbortOrigin::kTerminate;
    if (role == FrameRole::kFatalLog) return AbortOrigin::kFatalLog;
    if (role == FrameRole::kPythonFatal) return AbortOrigin::kInterpreter;
  }
  return AbortOrigin::kUnknown;
}

Confidence belief_in_words(const Facts& facts, AbortOrigin proof) {
  const AbortOrigin origin = abort_origin(facts);
  if (origin == AbortOrigin::kRequested) return Confidence::kPossible;
  return origin == proof ? Confidence::kCertain : Confidence::kLikely;
}

Confidence unless_requested(const Facts& facts, Confidence confidence) {
  return abort_origin(facts) == AbortOrigin::kRequested ? Confidence::kPossible : confidence;
}

}  // namespace segwhy
