// All threads' native stacks of a snapshot: unwound, then symbolised in one batch.
#pragma once

#include <vector>

#include "evidence/model/case.h"
#include "evidence/model/snapshot.h"
#include "symbols/symbolizer.h"
#include "unwind/unwind.h"

namespace segwhy {

// One Thread per snapshot thread, in order, with tid, name, stack bounds and native frames filled.
[[nodiscard]] std::vector<Thread> read_native_stacks(const Snapshot& snapshot, Unwinder& unwinder,
                                                     Symbolizer& symbolizer);

}  // namespace segwhy
