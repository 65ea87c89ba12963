// Any bytes as a line table: first the format, the first line and the instruction asked for, then the table.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>

#include "pystate/line_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace segwhy::pystate;
  struct Head {
    std::uint8_t format;
    std::int32_t first_line;
    std::int32_t instruction;
  } head{};
  if (size < sizeof(head)) return 0;
  std::memcpy(&head, data, sizeof(head));
  const auto table = std::as_bytes(std::span(data, size).subspan(sizeof(head)));
  const CodeLocation at =
      find_location(static_cast<LineTableFormat>(head.format % 3), table, head.first_line, head.instruction);
  if (at.line && *at.line < 1) std::abort();
  if (at.column && (!at.line || *at.column < 0)) std::abort();
  return 0;
}
