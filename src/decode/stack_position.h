// Where a fault address lies: among the mappings and the threads' stacks. Internal to decode/.
#pragma once

#include "evidence/model/case.h"
#include "evidence/model/snapshot.h"

namespace segwhy {

// Sets inside or below and above.
void place_among_mappings(Fault& fault, const Snapshot& snapshot);
// Sets stack_of_tid, below_sp, stack_size and stack_used.
void place_on_stacks(Fault& fault, const Snapshot& snapshot, const ThreadSnapshot& crashed);

}  // namespace segwhy
