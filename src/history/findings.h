// What the runtime found wrong: the heap's findings (wire/blocks.h) and those of exact mode (wire/accesses.h).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "evidence/model/heap.h"
#include "history/reader.h"

namespace segwhy::history {

// How many there are, whatever they are worth.
[[nodiscard]] std::uint64_t count_findings(const Area& area);

// In the order of their discovery; `first`: index of the access finding that comes before all others. The list
// must stay where it is until the reader has completed it in resolve().
[[nodiscard]] std::vector<MemoryFinding> read_findings(Reader& reader, std::optional<std::uint32_t> first);

// The last accesses to the watched block that begins at `address`, latest first.
[[nodiscard]] std::vector<BlockAccess> read_accesses(Reader& reader, std::uint64_t address);

// Why exact mode is not at work; "running" when it is, empty when it was not asked for.
[[nodiscard]] std::string exact_state(const Area& area);

}  // namespace segwhy::history
