// What a program held when its memory ran out, in sentences: by line, by growth or by one request, and what would have
// fitted. Pure and thread-safe; nothing is said that the account of the process does not show.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "diagnose/candidate.h"
#include "diagnose/site_growth.h"

namespace segwhy {

// Adds evidence, advice, the factor memory-growth and, where no line is known yet, `where` to a verdict about memory
// that ran out at `limit` bytes.
void tell_memory(const Facts& facts, std::optional<std::uint64_t> limit, Candidate& candidate);

// One block that is as good as the whole: the site that asked for it; nullptr: there is none.
[[nodiscard]] const MemorySite* huge_request(const MemoryUse& memory, std::optional<std::uint64_t> limit);

}  // namespace segwhy
