// Scanning of text the program left behind: lines, markers, numbers and source references.
//
// Pure and thread-safe. Views point into the text they were taken from. No regular expressions: the text is up to
// 64 KiB of anything, and std::regex recurses per character.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace segwhy::text {

using Lines = std::vector<std::string_view>;

// Without line ends; a trailing newline makes no empty last line.
[[nodiscard]] Lines lines_of(std::string_view text);

[[nodiscard]] bool contains(std::string_view text, std::string_view part);
[[nodiscard]] bool contains_any(std::string_view text, std::initializer_list<std::string_view> parts);

// What follows the first `marker`; nullopt without one.
[[nodiscard]] std::optional<std::string_view> after(std::string_view text, std::string_view marker);
// What stands between the first `open` and the next `close`.
[[nodiscard]] std::optional<std::string_view> between(std::string_view text, std::string_view open,
                                                      std::string_view close);
// The last line that contains `marker`.
[[nodiscard]] std::optional<std::string_view> last_line_with(const Lines& lines, std::string_view marker);

// The digits `text` starts with; nullopt without any or beyond 64 bits.
[[nodiscard]] std::optional<std::uint64_t> leading_number(std::string_view text);

struct SourceRef {
  std::string file;
  int line = 0;
};

// The last "file.ext:123" (or "file.ext(123)") in `text`. A time of day is not one: the file must have an extension.
[[nodiscard]] std::optional<SourceRef> last_source_ref(std::string_view text);

// Cut to `max` bytes at a character's start, with "..." when something was cut.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t max);

}  // namespace segwhy::text
