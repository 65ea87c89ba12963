// The threads of this process and the programs of others, from /proc. Async-signal-safe; uses one file descriptor for a
// moment.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace segwhy::runtime::pal {

// Fills `tids` with up to `capacity` thread ids and returns how many; 0 without /proc or a free descriptor.
size_t list_threads(uint32_t* tids, size_t capacity);

// Whether process `pid` executes the same file as this one; true when that cannot be told.
[[nodiscard]] bool runs_same_program(uint32_t pid);

}  // namespace segwhy::runtime::pal
