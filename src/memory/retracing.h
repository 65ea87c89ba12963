// Retracing: from the recorder's traces to the functions that were traced more than once, and what each new trace was
// for. Pure.
//
// A function of the program's is one, wherever it is called; one of a library's (tf.data's, Keras') is told by the
// program's line that led to it, since it serves many.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "evidence/model/retracing.h"
#include "history/stacks.h"
#include "memory/line_key.h"
#include "memory/trace_reader.h"

namespace segwhy::memory {

// What told `after` from `before`, two traces of one function that followed one another. Empty: nothing that is known.
[[nodiscard]] std::vector<TraceDifference> differences_of(const Trace& before, const Trace& after);

// Of a process's moment, in seconds since the start of the run.
using Moment = std::function<double(std::uint64_t ticks)>;

// Those that were traced twice and more, the most often first. `end_s`: when the program's work was over.
[[nodiscard]] std::vector<TracedFunction> retraced(const TraceTable& table, history::StackReader& stacks,
                                                   LineNamer& namer, const Moment& moment, double end_s);

}  // namespace segwhy::memory
