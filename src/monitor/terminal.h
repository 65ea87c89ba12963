// Where a report is printed: what the terminal can show, and writing that never hangs on a reader that does not read.
#pragma once

#include <string>
#include <string_view>

#include "report/report.h"

namespace segwhy {

// Colour, width, height and character set for descriptor `fd`, by isatty, the window size, NO_COLOR, TERM and the
// locale.
[[nodiscard]] TextStyle style_for(int fd);

// Writes all of `text` to `fd` unless its reader stops reading for some seconds; whether all was written. On a terminal
// that the dead program left in raw mode, line ends are written so that they still start a new line.
bool write_bounded(int fd, std::string_view text);

}  // namespace segwhy
