// madvise(2) on blocks of the arena, whose pages are not what they would be in the C library's heap: a discarded page
// must read as zeros and not trap, and huge pages would keep freed ones from being moved.
#include <sys/mman.h>

#include "runtime/abi/export.h"
#include "runtime/heap/heap.h"
#include "runtime/pal/next.h"

namespace {

using segwhy::runtime::heap::accepts_advice_as_kernel_does;
using segwhy::runtime::heap::clear_pages_of_block;

}  // namespace

SEGWHY_EXPORT int madvise(void* address, size_t size, int advice) noexcept {
  const auto& next = segwhy::runtime::pal::next();
  if (__builtin_expect(accepts_advice_as_kernel_does(address), 1)) return next.madvise(address, size, advice);
  switch (advice) {
    case MADV_DONTNEED:
      return clear_pages_of_block(address, size) ? 0 : next.madvise(address, size, advice);
    case MADV_FREE:  // allowed to do nothing
    case MADV_HUGEPAGE:
    case MADV_NOHUGEPAGE:
    case MADV_MERGEABLE:
    case MADV_UNMERGEABLE:
      return 0;
    default:
      return next.madvise(address, size, advice);
  }
}
