// /proc/PID/limits. Pure, total on any input.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "evidence/model/case.h"

namespace segwhy {

// Keys "as", "data", "stack", "nproc", "nofile", "core", "memlock", "cpu", "fsize"; a limit that is not listed is
// absent.
[[nodiscard]] std::map<std::string, Limit> parse_limits(std::string_view text);

}  // namespace segwhy
