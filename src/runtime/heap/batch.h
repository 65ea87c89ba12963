// Freed blocks that are made inaccessible together: each revocation on its own empties the CPU's address cache, which
// costs the program several times what the revocation itself does. Until then they are filled with a pattern, and that
// is looked at before they go.
//
// Thread-safe; see OwnerLock about signal handlers.
#pragma once

#include "runtime/heap/arena.h"

namespace segwhy::runtime::heap {

// Takes a freed, busy slot; revokes all postponed ones when they are enough. True: that happened.
[[nodiscard]] bool postpone_revocation(SlotRef slot);

// Revokes what is postponed.
void revoke_postponed();

// Around fork.
void lock_batch();
void unlock_batch();

}  // namespace segwhy::runtime::heap
