// The heap: which tier serves a request of the exported malloc family (abi/malloc.cc), and the heap's life with its
// process. Every function is thread-safe and keeps errno unless it fails as its namesake does.
#pragma once

#include "runtime/heap/arena.h"
#include "runtime/heap/tensors.h"
#include "runtime/pal/next_heap.h"

namespace segwhy::runtime::heap {

// Once, at load, with recorder::area() in place; nothing is protected before, or without one.
void start_heap();

// At the end of the program: looks for what was overwritten and has not been noticed yet.
void finish_heap();

// Around fork.
void before_fork();
void after_fork_in_parent();
void after_fork_in_child();

namespace internal {
// Points to 1 in a process that may act on the arena. The word is in a page that the kernel clears in a forked child,
// whichever way it was made: until the child has renewed the arena (or for ever, after a raw fork), only what
// needs neither userfaultfd nor flight recorder is done, both of which are the parent's.
extern const uint32_t* active_word;
// --protect all.
extern bool takes_small_blocks;
}  // namespace internal

[[nodiscard]] inline bool is_active() {
  return *internal::active_word != 0;
}

// True when requests that no other tier wants, and the blocks made of them, belong to the small tier.
[[nodiscard]] inline bool takes_small_blocks() {
  return internal::takes_small_blocks;
}

// The slow paths of the exported functions: called as the tail of one, so that `caller` is the program.
[[nodiscard]] void* allocate(const Request& request, const Caller& caller);
void release(void* block, const Caller& caller);
[[nodiscard]] void* reallocate(void* block, size_t size, const Caller& caller);
[[nodiscard]] size_t usable_size(void* block);

// False for pages that only moving makes accessible: advice about them is the heap's to follow.
[[nodiscard]] inline bool accepts_advice_as_kernel_does(const void* address) {
  return !in_arena(address) || !owns_address(address) || !is_moved_memory(address);
}

// The effect of MADV_DONTNEED on pages of one live block. False: they are not that.
[[nodiscard]] bool clear_pages_of_block(void* address, size_t size);

}  // namespace segwhy::runtime::heap
