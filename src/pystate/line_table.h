// Line tables of code objects: from the offset of an instruction to its place in the source. Pure functions on bytes
// from a broken process: any input gives an answer or nothing, in time linear in its size. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace segwhy::pystate {

// Lines are 1-based, columns 0-based UTF-8 byte offsets. An instruction without a line (made by the compiler) has none.
struct CodeLocation {
  std::optional<int> line, end_line, column, end_column;

  friend bool operator==(const CodeLocation&, const CodeLocation&) = default;
};

enum class LineTableFormat : std::uint8_t {
  kLnotab,     // co_lnotab, up to 3.9
  kPep626,     // co_linetable of 3.10
  kLocations,  // co_linetable from 3.11 on (PEP 657)
};

// The format that CPython 3.`minor` uses.
[[nodiscard]] LineTableFormat line_table_format(int minor);

// `instruction`: byte offset in the bytecode; negative when the frame has not begun, which is on the function's first
// line. Nothing for an offset that the table does not cover.
[[nodiscard]] CodeLocation find_location(LineTableFormat format, std::span<const std::byte> table, int first_line,
                                         std::int64_t instruction);

}  // namespace segwhy::pystate
