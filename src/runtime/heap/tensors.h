// The tensor tier: buffers with alignment 32 or more, or 64 KiB and more, each in a slot of its own with inaccessible
// pages on both sides; a freed one is inaccessible until its slot is taken again, the oldest first.
//
// Thread-safe. Called from a signal handler that interrupted the tier itself, allocation yields null and a free is
// postponed, at worst for ever. errno is untouched. Needs arena().
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace segwhy::runtime::heap {

// Whose call it is: taken in the exported function (trace/stacks.h).
struct Caller {
  const void* return_address;
  const void* frame;
};

struct Request {
  size_t size;
  size_t alignment;  // a power of two; 16 for malloc's own
  bool zero;         // calloc
};

// Null: not here, the next tier is to serve it. The request must satisfy is_tensor_request().
[[nodiscard]] void* allocate_tensor(const Request& request, const Caller& caller);

// `block` lies in the arena. Ends the program, as the C library would, when it is no block that lives.
void release_tensor(void* block, const Caller& caller);

// The size that was asked for; 0 for an address that is no live block's.
[[nodiscard]] size_t tensor_size(const void* block);

// Looks at the canaries of all live blocks and at the freed ones that are still accessible; reports what it finds. Not
// for signal handlers. At the end of the program, when its other threads may still run.
void sweep_tensors();

// In a process that has no arena of its own (a raw fork): forgets the block, leaves its memory alone.
void abandon_tensor(void* block);

}  // namespace segwhy::runtime::heap
