// Small string helpers shared by the layers. Pure, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace segwhy {

[[nodiscard]] std::string hex(std::uint64_t value);          // 0x7f12
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);  // "24 bytes", "4.0 MiB"
[[nodiscard]] std::string_view trim(std::string_view text);
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);
[[nodiscard]] std::string_view base_name(std::string_view path);
// A whole unsigned number in `base` 10 or 16 (no sign, no prefix, no rest), or nullopt.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text, int base = 10);
// Bytes that are not valid UTF-8 become U+FFFD: what goes into JSON or onto a terminal must be valid text.
[[nodiscard]] std::string to_valid_utf8(std::string_view bytes);

}  // namespace segwhy
