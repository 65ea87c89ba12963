// python-fatal: Py_FatalError, by its own message; or a crash inside the interpreter on a thread that does not hold the
// GIL, where the interpreter's thread state is null.
//
// Near misses: faulthandler's "Fatal Python error: Segmentation fault" reports a signal and is no Py_FatalError;
// functions that wait for the GIL run without it by design.
#include <fmt/format.h>

#include <algorithm>

#include "diagnose/abort_origin.h"
#include "diagnose/frames.h"
#include "diagnose/messages/lines.h"
#include "diagnose/narrate.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"
#include "diagnose/stack_shape.h"

namespace segwhy {
namespace {

bool is_gil_message(const text::PythonFatal& fatal) {
  using text::contains_any;
  return contains_any(fatal.message,
                      {"GIL is released", "must be called with the GIL", "the current Python thread state is NULL",
                       "NULL tstate", "no current thread", "tstate mix-up", "wrong thread state",
                       "must be current when releasing", "non-NULL old thread state", "without holding the GIL",
                       "Invalid thread state"}) ||
         contains_any(fatal.function, {"take_gil", "drop_gil", "PyThreadState_Get", "PyEval_SaveThread",
                                       "PyEval_RestoreThread", "PyEval_AcquireThread", "PyEval_ReleaseThread",
                                       "PyGILState_Release", "_Py_FatalError_TstateNULL"});
}

const char kGilAdvice[] =
    "Take the GIL around the call into Python: PyGILState_Ensure() in C and C++, `with gil` in Cython, "
    "py::gil_scoped_acquire in pybind11, ctypes.PyDLL instead of ctypes.CDLL for functions that use the Python API.";

void explain(const Facts& facts, const text::PythonFatal& fatal, Candidate& candidate) {
  using text::contains_any;
  if (is_gil_message(fatal)) {
    candidate.factors.push_back("gil-misuse");
    candidate.advice.push_back(kGilAdvice);
  }
  if (contains_any(fatal.message, {"Cannot recover from stack overflow", "stack overflow"})) {
    candidate.factors.push_back("stack-overflow");
    const auto cycle = facts.crashed == nullptr ? std::nullopt : python_cycle(*facts.crashed);
    candidate.advice.push_back(
        fmt::format("Do not recurse again where RecursionError is caught{}{}.", at_line(facts),
                    cycle ? ": " + cycle->functions.front() + " calls itself from its handler" : ""));
  }
  // The message names the cause itself when an extension reports a dead object.
  if (contains_any(fatal.message,
                   {"garbage collected", "points to garbage", "refcount", "negative ref", "deallocat"})) {
    candidate.confidence = std::min(candidate.confidence, Confidence::kLikely);
    candidate.alternatives.push_back({"use-after-free", "The message is about an object that is no longer alive."});
    if (facts.where)
      candidate.advice.push_back(
          fmt::format("Keep a reference to the object that {} uses for as long as native code may.", line_name(facts)));
  }
}

Candidate from_message(const Facts& facts, const text::PythonFatal& fatal) {
  Candidate candidate{.slug = "python-fatal", .score = 90};
  candidate.confidence = belief_in_words(facts, AbortOrigin::kInterpreter);
  candidate.summary =
      fmt::format("The interpreter gave up{}: {}{}", at_line(facts),
                  fatal.function.empty() ? "" : fatal.function + ": ", text::shortened(fatal.message, 250));
  if (!candidate.summary.ends_with('.')) candidate.summary += '.';
  candidate.evidence.push_back("CPython printed: " + text::shortened(fatal.text, 300));
  if (!fatal.state.empty()) candidate.evidence.push_back("Its runtime state was \"" + fatal.state + "\".");
  explain(facts, fatal, candidate);
  add_common_evidence(facts, candidate);
  return candidate;
}

// Functions a thread without the GIL is allowed to be in: it is about to take or give it up.
bool may_run_without_gil(std::string_view name) {
  return text::contains_any(name, {"gil", "GIL", "PyEval_RestoreThread", "PyEval_SaveThread", "PyThread_",
                                   "lock_acquire", "ThreadState", "faulthandler", "thread_run", "bootstrap", "tstate"});
}

Candidate without_the_gil(const Facts& facts) {
  const NativeFrame& innermost = facts.crashed->native.front();
  const Fault* fault = facts.fault();
  const bool null_state = fault != nullptr && fault->address && is_null_zone(*fault->address) && !fault->non_canonical;
  // A binding that turns a C++ exception into a Python one after the GIL was given up: what was thrown is the story,
  // and the missing GIL only how it ended.
  const bool translates_exception = facts.evidence.messages.exception.has_value();
  Candidate candidate{.slug = "python-fatal",
                      .confidence = null_state && !translates_exception ? Confidence::kLikely : Confidence::kPossible,
                      .score = 85};
  candidate.factors.push_back("gil-misuse");
  candidate.summary = fmt::format("{} of the Python API ran on a thread that does not hold the GIL{}.",
                                  describe(innermost), at_line(facts));
  candidate.evidence.push_back(
      fmt::format("The crash is in {}, inside the interpreter, and thread {} does not hold the GIL.",
                  describe(innermost), facts.crashed->tid));
  if (null_state)
    candidate.evidence.push_back(
        "Without the GIL the interpreter's current thread state is null, and the access went through null.");
  add_common_evidence(facts, candidate);
  candidate.advice.push_back(kGilAdvice);
  candidate.alternatives.push_back(
      {"null-pointer", "The null pointer may have been passed to the Python API by its caller."});
  return candidate;
}

}  // namespace

bool runs_python_without_gil(const Facts& facts) {
  if (!facts.memory_fault() || facts.crashed == nullptr || facts.crashed->native.empty()) return false;
  const Thread& thread = *facts.crashed;
  const bool lacks_gil = thread.holds_gil && !*thread.holds_gil;
  if (!lacks_gil || facts.evidence.program.finalizing.value_or(false)) return false;
  const NativeFrame& innermost = thread.native.front();
  return is_interpreter(innermost) && !may_run_without_gil(plain_name(innermost));
}

std::optional<Candidate> python_fatal(const Facts& facts) {
  if (facts.aborted() && facts.text.python_fatal && !facts.text.abort_text_known)
    return from_message(facts, *facts.text.python_fatal);
  if (runs_python_without_gil(facts) && !is_stack_overflow(facts)) return without_the_gil(facts);
  return std::nullopt;
}

}  // namespace segwhy
