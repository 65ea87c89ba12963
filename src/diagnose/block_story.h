// What the heap's history says of a block, in words. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "diagnose/facts.h"
#include "evidence/model/heap.h"

namespace segwhy {

// "train.py:12 (load)" of the user's innermost frame, else the innermost Python frame, else the native function; empty
// when nothing is known.
[[nodiscard]] std::string place_of(const BlockEvent& event);
// Whole up to 10,000, then shortened: "1 byte", "4096 bytes", "4.0 MiB".
[[nodiscard]] std::string byte_count(std::uint64_t count);
// "24-byte tensor", "4.0 MiB block".
[[nodiscard]] std::string size_and_kind(const Block& block);
// "the 24-byte tensor allocated at train.py:12 (load)".
[[nodiscard]] std::string block_phrase(const Block& block);
// "4 bytes past the end of", "8 bytes before the start of", "at byte 3 of".
[[nodiscard]] std::string distance_phrase(const Block& block, std::int64_t offset);

// "It was allocated at a.py:12 by thread 4 (9.0 s before)." and the same of the free; empty when not known.
[[nodiscard]] std::string allocated_sentence(const Block& block);
[[nodiscard]] std::string freed_sentence(const Block& block);

// When a late finding must have happened: "It happened in the 2.3 s before it was noticed at a.py:20 (step)."
[[nodiscard]] std::string moment_sentence(const MemoryFinding& finding);

// "22 us", "14 ms", "3.5 s".
[[nodiscard]] std::string duration(double seconds);

// The native frame that says most of who did it: the kernel that computed, else the innermost one that is not there
// just to allocate; nullptr without.
[[nodiscard]] const NativeFrame* owner_frame(const BlockEvent& event);

// The first line of the user's in `event`; what `where` is when nobody died there.
[[nodiscard]] std::optional<SourceLine> line_of(const BlockEvent& event);

}  // namespace segwhy
