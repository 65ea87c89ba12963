// ELF notes: (name, type, description) records of PT_NOTE segments. Pure functions of bytes, total on any input.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_view.h"

namespace segwhy {

// Views into the bytes given to parse_notes.
struct ElfNote {
  std::string_view name;  // without the terminating NUL: "CORE", "LINUX", "GNU"
  std::uint32_t type = 0;
  ByteView description;
};

// The whole notes in `bytes`, up to the first that does not fit. `alignment` is the segment's p_align: 8 pads to eight
// bytes (x86-64's GNU property notes), everything else to four, as all tools take it.
[[nodiscard]] std::vector<ElfNote> parse_notes(ByteView bytes, std::uint64_t alignment);

// Hexadecimal NT_GNU_BUILD_ID among the notes; empty when there is none.
[[nodiscard]] std::string build_id_of(ByteView notes, std::uint64_t alignment);

}  // namespace segwhy
