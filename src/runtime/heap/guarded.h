// A block in its slot: the canaries on both sides of it.
//
// `slot` is busy with the calling thread, or its region's lock is held.
#pragma once

#include "runtime/heap/arena.h"

namespace segwhy::runtime::heap {

void plant_canaries(SlotRef ref, const Slot& slot);

// Reports what was overwritten; `stack`: of the call that found it, 0: none.
void check_canaries(SlotRef ref, const Slot& slot, uint32_t stack);

}  // namespace segwhy::runtime::heap
