// The small tier of `--protect all`: blocks of the C library with a canary behind them, whose memory waits filled in
// quarantine when they are freed.
//
// Nothing lies in front of a block: its address is the C library's own, so that a process which loses the table (a
// forked child begins an empty one) frees it like any other. Thread-safe; errno is kept unless an allocation fails.
// Called from a signal handler that interrupted the tier itself, blocks are left to the C library.
#pragma once

#include "runtime/heap/tensors.h"

namespace segwhy::runtime::heap {

// The bytes that blocks hold before the program writes any, and after it freed them. Neither is a number, a pointer
// or text that programs use; diagnosis knows them (ProtectionSummary).
inline constexpr uint8_t kFreshFill = 0xbe;
inline constexpr uint8_t kFreedFill = 0xdf;

// Null: the C library is to serve the request itself; it has no memory, or the governor leaves the block out.
[[nodiscard]] void* allocate_small(const Request& request, const Caller& caller);

// False: the block is none of the tier's. Ends the program, as the C library would, when it was freed before or the
// address lies inside a block.
[[nodiscard]] bool release_small(void* block, const Caller& caller);

// False: not of the tier.
[[nodiscard]] bool small_size(const void* block, size_t& out);

// In place. False: it does not fit, or is none of the tier's.
[[nodiscard]] bool resize_small(void* block, size_t size);

// Looks at all canaries and at what waits in quarantine. At the end of the program; its other threads may still run.
void sweep_small();

// Around fork: no other thread is inside.
void lock_small();
void unlock_small();

}  // namespace segwhy::runtime::heap
