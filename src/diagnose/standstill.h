// The standstill of a Case in words and groups: who waits for whom, and where the user's code is in it.
//
// Borrows the Case. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evidence/model/case.h"

namespace segwhy {

// Stuck threads that wait for nobody but each other: the origin of a standstill. Never empty.
using Knot = std::vector<const StuckThread*>;
[[nodiscard]] std::vector<Knot> knots_of(const Case& evidence);

// The stuck thread's frames; nullptr when they were not captured.
[[nodiscard]] const Thread* frames_of(const Case& evidence, const StuckThread& stuck);
// How the process came about; nullptr when that is not known.
[[nodiscard]] const Fork* fork_of(const Case& evidence, int pid);
[[nodiscard]] std::size_t thread_count(const Case& evidence, int pid);
[[nodiscard]] bool is_stuck(const Case& evidence, int pid, int tid);

// A wait in which threads with nothing to do spend healthy lives: for an event, a condition or a descriptor, or
// anything at all in a thread that runs no Python.
[[nodiscard]] bool may_be_idle(const Case& evidence, const StuckThread& stuck);

// "The main thread of process 12 waits at main.py:8 for process 13 to end (in Popen.poll)."
[[nodiscard]] std::string describe(const Case& evidence, const StuckThread& stuck);

// The user's line that forked the process of `main`, where the stack shows it: below the standard library's fork.
[[nodiscard]] std::optional<SourceLine> forking_line(const Thread& main);

}  // namespace segwhy
