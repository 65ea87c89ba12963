// The block that the faulting address belongs to, as a tensor: which input or output of the running op it is, and
// which element.
//
// Joined from two independent readings, the heap's history and the framework's objects: nothing is said where they do
// not meet. Pure; thread-safe.
#pragma once

#include "evidence/model/case.h"

namespace segwhy {

// Adds a note to `into.block` for each input and output of the op in flight whose buffer lies in it.
void describe_block_as_tensor(Case& into);

}  // namespace segwhy
