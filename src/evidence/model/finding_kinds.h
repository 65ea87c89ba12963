// A further kind of MemoryFinding (heap.h).
#pragma once

namespace segwhy {

// Exact mode saw the program branch on bytes that nothing had written, or take them for an address.
inline constexpr char kFindingUnwritten[] = "unwritten-read";

}  // namespace segwhy
