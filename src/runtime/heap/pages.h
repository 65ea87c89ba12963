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
// inaccessible. False: the source is revoked, and the destination is only with kTacticMove still the arena's.
[[nodiscard]] bool transfer_pages(wire::Tactic tactic, uintptr_t destination, uintptr_t source, size_t bytes);

struct PageRange {
  uintptr_t address;
  size_t bytes;
};

enum class Remapped { kNot, kDone, kSourceLost };

// kTacticRemap: the pages at `source` are at `destination`, more of them (zero) or fewer. Where the source was is
// inaccessible, or lost: another thread's mapping was faster. If it was not possible the source has not changed, and
// the destination may be lost.
[[nodiscard]] Remapped remap_pages(const PageRange& source, const PageRange& destination);

}  // namespace segwhy::runtime::heap
