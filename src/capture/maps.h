// /proc/PID/maps as Mappings. Pure, total on any input.
#pragma once

#include <string_view>
#include <vector>

#include "evidence/model/snapshot.h"

namespace segwhy {

// Lines that are no mapping are skipped. Names keep every byte: blanks as they are, the kernel's \012 for a newline
// turned back into one. The " (deleted)" that the kernel appends becomes Mapping::deleted.
[[nodiscard]] std::vector<Mapping> parse_maps(std::string_view text);

}  // namespace segwhy
