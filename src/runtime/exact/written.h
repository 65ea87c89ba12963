// Which bytes of live watched blocks have been written since their allocation: a bit for each.
//
// Whatever is not seen byte by byte (a large block's middle, structures that the kernel fills, the heap's own copies)
// counts as written: a byte that is called unwritten is. Lock-free, async-signal-safe, thread-safe; a write is noted
// before it is carried out. Memory is taken as far as blocks are used, an eighth of theirs.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace segwhy::runtime::exact {

// After map_views(). False when memory is short.
[[nodiscard]] bool prepare_written();

// A block begins: none of [begin, end) has been written, of a large one as far as it is watched.
void forget_written(uintptr_t begin, uintptr_t end);

void note_written(uintptr_t begin, uintptr_t end);

// True when no byte of [begin, end) has been written, and at least one lies there.
[[nodiscard]] bool is_unwritten(uintptr_t begin, uintptr_t end);

}  // namespace segwhy::runtime::exact
