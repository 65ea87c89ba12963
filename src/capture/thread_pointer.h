// The thread pointer (fs_base, glibc's pthread_self()) of a thread that is not stopped, so that its registers cannot be
// asked for.
#pragma once

#include <cstdint>
#include <optional>

#include "base/memory_reader.h"

namespace segwhy {

// The kernel knows where the thread keeps its list of robust mutexes, which lies in glibc's thread block behind the
// thread pointer. nullopt when the kernel refuses or no block is found there (another C library).
[[nodiscard]] std::optional<std::uint64_t> find_thread_pointer(int tid, MemoryReader& memory);

// The second half of that: the block that the list at `robust_list` is part of. Pure.
[[nodiscard]] std::optional<std::uint64_t> thread_block_before(std::uint64_t robust_list, MemoryReader& memory);

}  // namespace segwhy
