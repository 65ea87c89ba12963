// What of a broken program's text may reach a terminal, and how wide it will be there. Pure, thread-safe.
//
// Names, messages and source lines come from the target, which is broken or hostile: an escape sequence in an
// exception's text must not recolour, retitle or type into the reader's terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace segwhy::report {

// `text` on one line: tabs become four spaces; control characters (C0, DEL, C1), line separators, bidirectional
// overrides and invisible format characters become visible escapes ("\x1b", "\u202e"); bytes that are not UTF-8
// become U+FFFD. With `ascii_only` every other character beyond ASCII is escaped too.
[[nodiscard]] std::string printable(std::string_view text, bool ascii_only = false);

// Columns that printable text takes on a terminal: combining marks 0, East Asian wide characters and emoji 2.
[[nodiscard]] std::size_t display_width(std::string_view text);

// Bytes of the longest prefix of `text` that fits `columns`; never splits a character or parts it from its marks.
[[nodiscard]] std::size_t prefix_that_fits(std::string_view text, std::size_t columns);

// `text` cut to `columns`, the cut marked by `ellipsis` (counted in).
[[nodiscard]] std::string truncated(std::string_view text, std::size_t columns, std::string_view ellipsis);

// The same, cut at the front: for paths, whose end says most.
[[nodiscard]] std::string truncated_front(std::string_view text, std::size_t columns, std::string_view ellipsis);

}  // namespace segwhy::report
