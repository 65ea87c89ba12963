// The heap behind the runtime's: libc's, or that of a library preloaded after it. Resolved by the first call, which may
// come from the dynamic linker itself; what the resolution allocates comes from a small static arena.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace segwhy::runtime::pal {

// clang-format off
#define SEGWHY_NEXT_HEAP_FUNCTIONS(X)                                                     \
  X(malloc, void* (*)(size_t))                                                            \
  X(calloc, void* (*)(size_t, size_t))                                                    \
  X(realloc, void* (*)(void*, size_t))                                                    \
  X(free, void (*)(void*))                                                                \
  X(posix_memalign, int (*)(void**, size_t, size_t))                                      \
  X(aligned_alloc, void* (*)(size_t, size_t))                                             \
  X(memalign, void* (*)(size_t, size_t))                                                  \
  X(valloc, void* (*)(size_t))                                                            \
  X(pvalloc, void* (*)(size_t))                                                           \
  X(malloc_usable_size, size_t (*)(void*))
// clang-format on

struct NextHeap {
  template <typename Function>
  using Pointer = Function;
#define SEGWHY_MEMBER(name, type) Pointer<type> name;
  SEGWHY_NEXT_HEAP_FUNCTIONS(SEGWHY_MEMBER)
#undef SEGWHY_MEMBER
};

namespace internal {
extern NextHeap next_heap_functions;
extern bool next_heap_resolved;
inline constexpr size_t kBootBytes = 64 * 1024;
extern char boot_arena[kBootBytes];
const NextHeap& resolve_next_heap();
}  // namespace internal

[[nodiscard]] inline const NextHeap& next_heap() {
  if (__builtin_expect(!__atomic_load_n(&internal::next_heap_resolved, __ATOMIC_ACQUIRE), 0)) {
    return internal::resolve_next_heap();
  }
  return internal::next_heap_functions;
}

// True for what was allocated during the resolution: such a block is never given back.
[[nodiscard]] inline bool is_boot_block(const void* block) {
  return reinterpret_cast<uintptr_t>(block) - reinterpret_cast<uintptr_t>(internal::boot_arena) < internal::kBootBytes;
}

// Copies a boot block to the real heap, for realloc.
[[nodiscard]] void* reallocate_boot_block(const void* block, size_t size);

// Bytes usable in a boot block.
[[nodiscard]] size_t boot_block_size(const void* block);

}  // namespace segwhy::runtime::pal
