// The malloc family. A request that no tier wants, and every block that is not the runtime's, goes straight to the
// heap behind (pal/next_heap.h); operator new and delete end in these functions.
//
// Each function that a stack may be taken in calls one that is not inlined as its tail, whose frame then stands where
// the exported function's would: its return address is the program's (trace/stacks.h).
#include <errno.h>

#include "runtime/abi/caller.h"
#include "runtime/abi/export.h"
#include "runtime/account/account.h"
#include "runtime/exact/exact.h"
#include "runtime/exact/objects.h"
#include "runtime/heap/heap.h"

namespace segwhy::runtime::heap {

using pal::is_boot_block;

namespace {

constexpr size_t kOwnAlignment = alignof(max_align_t);

[[nodiscard]] bool is_power_of_two(size_t value) {
  return value != 0 && (value & (value - 1)) == 0;
}

// Not the C library's alone to free or move.
[[nodiscard]] inline bool is_ours(void* block) {
  return in_arena(block) || is_boot_block(block) || exact::owns(block) || takes_small_blocks();
}

// True when a tier may want what is asked for on behalf of `return_address`; everything else must cost nothing.
[[nodiscard]] inline bool is_candidate(size_t size, size_t alignment, const void* return_address) {
  const bool wanted = is_tensor_request(size, alignment) || takes_small_blocks();
  if (__builtin_expect(wanted, 0)) return is_active();
  return __builtin_expect(exact::allocates_object(return_address), 0);
}

SEGWHY_SLOW void* malloc_slowly(size_t size) {
  return allocate({size, kOwnAlignment, false}, SEGWHY_CALLER);
}

SEGWHY_SLOW void* calloc_slowly(size_t count, size_t size) {
  return allocate({count * size, kOwnAlignment, true}, SEGWHY_CALLER);
}

SEGWHY_SLOW void free_slowly(void* block) {
  release(block, SEGWHY_CALLER);
}

SEGWHY_SLOW void* realloc_slowly(void* block, size_t size) {
  return reallocate(block, size, SEGWHY_CALLER);
}

SEGWHY_SLOW void* reallocarray_slowly(void* block, size_t count, size_t size) {
  return reallocate(block, count * size, SEGWHY_CALLER);
}

SEGWHY_SLOW void* memalign_slowly(size_t alignment, size_t size) {
  return allocate({size, alignment, false}, SEGWHY_CALLER);
}

SEGWHY_SLOW int posix_memalign_slowly(void** out, size_t alignment, size_t size) {
  const int saved = errno;
  void* const block = allocate({size, alignment, false}, SEGWHY_CALLER);
  errno = saved;
  if (block == nullptr) return ENOMEM;
  *out = block;
  return 0;
}

// --- blocks that are counted, or may be ---------------------------------------------------------------------------

SEGWHY_SLOW void* malloc_accounted(size_t size) {
  const Caller caller = SEGWHY_CALLER;
  void* const block = allocate({size, kOwnAlignment, false}, caller);
  account::note(block, size, caller);
  return block;
}

SEGWHY_SLOW void* calloc_accounted(size_t size) {
  const Caller caller = SEGWHY_CALLER;
  void* const block = allocate({size, kOwnAlignment, true}, caller);
  account::note(block, size, caller);
  return block;
}

SEGWHY_SLOW void* memalign_accounted(size_t alignment, size_t size) {
  const Caller caller = SEGWHY_CALLER;
  void* const block = allocate({size, alignment, false}, caller);
  account::note(block, size, caller);
  return block;
}

SEGWHY_SLOW int posix_memalign_accounted(void** out, size_t alignment, size_t size) {
  const Caller caller = SEGWHY_CALLER;
  const int saved = errno;
  void* const block = allocate({size, alignment, false}, caller);
  errno = saved;
  account::note(block, size, caller);
  if (block == nullptr) return ENOMEM;
  *out = block;
  return 0;
}

SEGWHY_SLOW void free_accounted(void* block) {
  const Caller caller = SEGWHY_CALLER;
  account::Entry entry{};
  (void)account::take(block, entry);
  release(block, caller);
}

SEGWHY_SLOW void* realloc_accounted(void* block, size_t size) {
  const Caller caller = SEGWHY_CALLER;
  account::Entry entry{};
  const bool counted = block != nullptr && account::take(block, entry);
  void* const resized = reallocate(block, size, caller);
  if (resized == nullptr && counted && size != 0) account::put_back(block, entry);
  if (resized != nullptr || size != 0) account::note(resized, size, caller);
  return resized;
}

}  // namespace
}  // namespace segwhy::runtime::heap

using namespace segwhy::runtime::heap;
namespace account = segwhy::runtime::account;
using segwhy::runtime::pal::next_heap;

SEGWHY_EXPORT void* malloc(size_t size) noexcept {
  if (account::wants(size)) return malloc_accounted(size);
  if (is_candidate(size, kOwnAlignment, __builtin_return_address(0))) return malloc_slowly(size);
  return next_heap().malloc(size);
}

SEGWHY_EXPORT void* calloc(size_t count, size_t size) noexcept {
  size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) return next_heap().calloc(count, size);
  if (account::wants(bytes)) return calloc_accounted(bytes);
  if (!is_candidate(bytes, kOwnAlignment, __builtin_return_address(0))) return next_heap().calloc(count, size);
  return calloc_slowly(count, size);
}

SEGWHY_EXPORT void free(void* block) noexcept {
  if (account::may_know(block)) return free_accounted(block);
  if (__builtin_expect(is_ours(block), 0)) return free_slowly(block);
  next_heap().free(block);
}

SEGWHY_EXPORT void* realloc(void* block, size_t size) noexcept {
  if (account::wants(size) || account::may_know(block)) return realloc_accounted(block, size);
  if (size < kLargeBlock && !is_ours(block)) return next_heap().realloc(block, size);
  return realloc_slowly(block, size);
}

SEGWHY_EXPORT void* reallocarray(void* block, size_t count, size_t size) noexcept {
  size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) {
    errno = ENOMEM;
    return nullptr;
  }
  if (account::wants(bytes) || account::may_know(block)) return realloc_accounted(block, bytes);
  return reallocarray_slowly(block, count, size);
}

SEGWHY_EXPORT int posix_memalign(void** out, size_t alignment, size_t size) noexcept {
  const bool valid = is_power_of_two(alignment) && alignment % sizeof(void*) == 0;
  if (valid && account::wants(size)) return posix_memalign_accounted(out, alignment, size);
  if (!valid || !is_candidate(size, alignment, __builtin_return_address(0)))
    return next_heap().posix_memalign(out, alignment, size);
  return posix_memalign_slowly(out, alignment, size);
}

SEGWHY_EXPORT void* aligned_alloc(size_t alignment, size_t size) noexcept {
  if (is_power_of_two(alignment) && account::wants(size)) return memalign_accounted(alignment, size);
  if (!is_power_of_two(alignment) || !is_candidate(size, alignment, __builtin_return_address(0)))
    return next_heap().aligned_alloc(alignment, size);
  return memalign_slowly(alignment, size);
}

SEGWHY_EXPORT void* memalign(size_t alignment, size_t size) noexcept {
  if (is_power_of_two(alignment) && account::wants(size)) return memalign_accounted(alignment, size);
  if (!is_power_of_two(alignment) || !is_candidate(size, alignment, __builtin_return_address(0)))
    return next_heap().memalign(alignment, size);
  return memalign_slowly(alignment, size);
}

SEGWHY_EXPORT void* valloc(size_t size) noexcept {
  return next_heap().valloc(size);
}

SEGWHY_EXPORT void* pvalloc(size_t size) noexcept {
  return next_heap().pvalloc(size);
}

SEGWHY_EXPORT size_t malloc_usable_size(void* block) noexcept {
  return usable_size(block);
}
