// Versions against ranges such as "<2.0,>=1.17" (PEP 440, numbers of the release only). Pure, thread-safe.
#pragma once

#include <optional>
#include <string_view>

namespace segwhy {

// Whether `version` satisfies every part of `range`; an empty range is satisfied. nullopt when a part cannot be judged
// (=== or a version that does not start with a number). Pre-release and local suffixes are ignored: 2.0.0rc1 counts
// as 2.0.0.
[[nodiscard]] std::optional<bool> version_in_range(std::string_view version, std::string_view range);

}  // namespace segwhy
