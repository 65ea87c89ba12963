// TensorFlow's part of framework.h: the op in flight when the thread died.
//
// What is known is combined in order of strength: a kernel whose code the native frames run, on the crashing thread or
// on the one that it works for; the op whose generated Python function is being called; a NodeDef that a shape function
// or a kernel's constructor works on; a kernel call found in memory that no frame confirms. Versions outside
// layout_table.inc get what RTTI and the Python frames show.
#pragma once

#include <vector>

#include "evidence/model/case.h"
#include "evidence/model/snapshot.h"
#include "frameworks/framework.h"

namespace segwhy::tensorflow {

[[nodiscard]] FrameworkReading read_tensorflow(const Snapshot& snapshot, const std::vector<Thread>& threads,
                                               const std::vector<Module>& modules);

}  // namespace segwhy::tensorflow
