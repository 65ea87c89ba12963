// The threads of this process, from /proc. Async-signal-safe; uses one file descriptor for a moment.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace segwhy::runtime::pal {

// Fills `tids` with up to `capacity` thread ids and returns how many; 0 without /proc or a free descriptor.
size_t list_threads(uint32_t* tids, size_t capacity);

}  // namespace segwhy::runtime::pal
