#include "runtime/pal/next_heap.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "runtime/pal/atomic.h"

namespace segwhy::runtime::pal {
namespace internal {

NextHeap next_heap_functions;
bool next_heap_resolved;
alignas(64) char boot_arena[kBootBytes];

namespace {

size_t boot_used;
bool resolving;

// The size of a boot block is kept in front of it.
constexpr size_t kHeader = 16;

void* boot_memalign(size_t alignment, size_t size) {
  const size_t step = alignment > kHeader ? alignment : kHeader;
  if (size > kBootBytes || step > kBootBytes / 2) return nullptr;
  const size_t end = fetch_add(boot_used, size + step + kHeader) + size + step + kHeader;
  if (end > kBootBytes) return nullptr;
  const uintptr_t base = reinterpret_cast<uintptr_t>(boot_arena) + end - size - step;
  const uintptr_t block = (base + step - 1) & ~(step - 1);
  memcpy(reinterpret_cast<void*>(block - sizeof size), &size, sizeof size);
  return reinterpret_cast<void*>(block);
}

void* boot_malloc(size_t size) {
  return boot_memalign(kHeader, size);
}

void* boot_calloc(size_t count, size_t size) {
  size_t bytes = 0;
  return __builtin_mul_overflow(count, size, &bytes) ? nullptr : boot_memalign(kHeader, bytes);  // never used before
}

void* boot_realloc(void* block, size_t size) {
  void* const copy = boot_malloc(size);
  if (copy == nullptr || block == nullptr) return copy;
  const size_t old = boot_block_size(block);
  return memcpy(copy, block, old < size ? old : size);
}

void boot_free(void*) {}

int boot_posix_memalign(void** out, size_t alignment, size_t size) {
  *out = boot_memalign(alignment, size);
  return *out != nullptr ? 0 : ENOMEM;
}

size_t boot_usable_size(void* block) {
  return block != nullptr ? boot_block_size(block) : 0;
}

constexpr NextHeap kBootHeap = {boot_malloc,   boot_calloc,   boot_realloc, boot_free,   boot_posix_memalign,
                                boot_memalign, boot_memalign, boot_malloc,  boot_malloc, boot_usable_size};

template <typename Function>
void resolve(Function& out, const char* name) {
  out = reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

}  // namespace

const NextHeap& resolve_next_heap() {
  if (exchange(resolving, true)) return kBootHeap;  // called by dlsym, below
  const int saved = errno;
  NextHeap found;
#define SEGWHY_RESOLVE(name, type) resolve(found.name, #name);
  SEGWHY_NEXT_HEAP_FUNCTIONS(SEGWHY_RESOLVE)
#undef SEGWHY_RESOLVE
  next_heap_functions = found;
  store(next_heap_resolved, true);
  errno = saved;
  return next_heap_functions;
}

}  // namespace internal

size_t boot_block_size(const void* block) {
  size_t size = 0;
  memcpy(&size, static_cast<const char*>(block) - sizeof size, sizeof size);
  return size;
}

void* reallocate_boot_block(const void* block, size_t size) {
  void* const copy = next_heap().malloc(size);
  const size_t old = boot_block_size(block);
  return copy != nullptr ? memcpy(copy, block, old < size ? old : size) : nullptr;
}

}  // namespace segwhy::runtime::pal
