// Making pages of the arena accessible and inaccessible, by the tactic in force (wire::Tactic). Addresses and sizes are
// whole pages of one slot's data. Async-signal-safe, thread-safe for different slots.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "evidence/wire/recorder.h"

namespace segwhy::runtime::heap {

// Accessible and zero. False: no memory, or no more mappings.
[[nodiscard]] bool populate_pages(wire::Tactic tactic, uintptr_t address, size_t bytes);

// Inaccessible, the memory given back. False: it stayed accessible.
[[nodiscard]] bool revoke_pages(wire::Tactic tactic, uintptr_t address, size_t bytes);

// The pages at `source`, contents and all, are at `destination` (which was inaccessible) afterwards, and `source` is
// inaccessible. False: both are revoked instead.
[[nodiscard]] bool transfer_pages(wire::Tactic tactic, uintptr_t destination, uintptr_t source, size_t bytes);

}  // namespace segwhy::runtime::heap
