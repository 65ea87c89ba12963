// Another size for a live block of the tensor tier, without copying it.
#pragma once

#include "runtime/heap/tensors.h"

namespace segwhy::runtime::heap {

// In place where the slot's end stays within a page; a large block's pages are remapped to another slot otherwise, as
// the C library does it. Null: neither is possible and `block` is as it was. Thread-safe like the tier.
[[nodiscard]] void* resize_tensor(void* block, size_t size, const Caller& caller);

}  // namespace segwhy::runtime::heap
