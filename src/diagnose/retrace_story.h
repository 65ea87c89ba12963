// Functions that are traced anew again and again, in sentences. Pure and thread-safe; nothing is said that the record
// of the traces does not show.
//
// A few traces are what tf.function is for: one for each shape or type that it is called with. It becomes a fault when
// they do not end: a dozen and more of one function, of which the last third of its time has had its share.
#pragma once

#include <string>

#include "evidence/model/memory.h"

namespace segwhy {

[[nodiscard]] bool keeps_retracing(const TracedFunction& function);

// The one that keeps retracing at the line of `site`, which calls it or is in it; nullptr: none does.
[[nodiscard]] const TracedFunction* retraced_at(const MemorySite& site, const MemoryUse& memory);

// "step (train.py:9)"; of a library's function its name alone.
[[nodiscard]] std::string traced_name(const TracedFunction& function);

// "argument rate was a new Python number in 199 of 199 traces (0.198, then 0.199)"; empty: it is not known.
[[nodiscard]] std::string what_differed(const TracedFunction& function);

// "step (train.py:9), called at train.py:17, was traced 200 times: argument rate was...".
[[nodiscard]] std::string retrace_sentence(const TracedFunction& function);

// What to change, and where.
[[nodiscard]] std::string retrace_advice(const TracedFunction& function);

}  // namespace segwhy
