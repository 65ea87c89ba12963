// All threads' native stacks of a snapshot: unwound, then symbolised in one batch.
#pragma once

#include <cstddef>
#include <vector>

#include "evidence/model/case.h"
#include "evidence/model/snapshot.h"
#include "symbols/symbolizer.h"
#include "unwind/unwind.h"

namespace segwhy {

// Beyond this many threads only the one that died and the main one are read; the others are named.
inline constexpr std::size_t kMostOtherStacks = 1000;

// One Thread per snapshot thread, in order, with tid, name, stack bounds and native frames filled.
[[nodiscard]] std::vector<Thread> read_native_stacks(const Snapshot& snapshot, Unwinder& unwinder,
                                                     Symbolizer& symbolizer);

}  // namespace segwhy
