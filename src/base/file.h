// Whole small files, read and written with errors that name the file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace segwhy {

// The file's bytes, at most `max` of them (an error beyond). Works for /proc files, whose size is not known ahead.
Result<std::string> read_file(const std::string& path, std::size_t max = std::size_t{64} << 20);

// Replaces `path` with `text` so that a reader sees the old file or the whole new one, never half: written beside it
// with permissions `mode`, then renamed. On failure nothing is left behind. A device, a pipe or another special file is
// written to instead.
Status write_file_atomic(const std::string& path, std::string_view text, unsigned mode = 0600);

}  // namespace segwhy
