// Who can never go on? Pure.
//
// A thread that waits can be woken by any one of its wakers: all who hold what it waits for, or, where nothing says who
// that is, all who can reach it at all (any thread of the process for its own memory, all processes that have a pipe's
// other end). A thread goes on when it is not blocked, when time or somebody outside may end its wait, or when one of
// its wakers goes on. All others are stuck, and for ever: the wakers are never too few, so this is no guess. What is
// not covered: signal handlers, and processes that were not looked at and got hold of memory or descriptors without
// inheriting them.
#pragma once

#include <vector>

#include "evidence/model/case.h"
#include "waits/process_facts.h"

namespace segwhy::waits {

// The stuck threads, the most telling first: those in a knot (a group whose members wait for nobody but each other, the
// origin of the standstill), then those that wait for a knot. Empty when there is none, or beyond kMaxThreads.
inline constexpr std::size_t kMaxThreads = 1024;
[[nodiscard]] std::vector<StuckThread> find_stuck(const std::vector<ProcessFacts>& processes, const Outside& outside);

}  // namespace segwhy::waits
