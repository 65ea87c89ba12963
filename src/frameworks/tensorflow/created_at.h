// Framework::created_at of a kernel that ran in a graph: the program's line that created its node.
//
// Only for kernels found in memory: what is being built or called eagerly is on the Python stack. Where several lines
// are possible, or none of them is the program's own, nothing is given but a note.
#pragma once

#include <optional>
#include <vector>

#include "evidence/model/case.h"
#include "evidence/model/snapshot.h"

namespace segwhy::tensorflow {

// `crashed`: the thread that runs the kernel. Fills created_at (but for its source text) and adds to the notes.
void add_created_at(const Snapshot& snapshot, const Thread& crashed, Framework& framework);

}  // namespace segwhy::tensorflow
