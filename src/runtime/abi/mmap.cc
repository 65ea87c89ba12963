// mmap(2) and its relatives, for the account: anonymous memory that a program maps for itself, as Python does for its
// small objects, is charged to who asked for it. The kernel's answer is passed on as it is.
//
// The C library's own calls do not come here. What is unmapped in parts is followed from its beginning only.
#include <stdarg.h>
#include <sys/mman.h>

#include "runtime/abi/export.h"
#include "runtime/account/account.h"
#include "runtime/pal/next.h"

namespace {

namespace account = segwhy::runtime::account;
using segwhy::runtime::heap::Caller;
using segwhy::runtime::pal::next;

constexpr size_t kLeastBytes = 64 * 1024;

// Memory that is there to be used: not a reservation, a stack or a file.
[[nodiscard]] bool is_counted(size_t size, int protection, int flags) {
  constexpr int kWanted = MAP_PRIVATE | MAP_ANONYMOUS;
  constexpr int kOthers = MAP_NORESERVE | MAP_STACK | MAP_GROWSDOWN;
  return size >= kLeastBytes && (protection & PROT_WRITE) != 0 && (flags & kWanted) == kWanted &&
         (flags & kOthers) == 0;
}

void* map(void* address, size_t size, int protection, int flags, int fd, off_t offset, const Caller& caller) {
  void* const mapped = next().mmap(address, size, protection, flags, fd, offset);
  if (!account::is_kept() || mapped == MAP_FAILED) return mapped;
  account::Entry replaced{};
  if ((flags & MAP_FIXED) != 0 && account::may_know(mapped)) (void)account::take(mapped, replaced);
  if (is_counted(size, protection, flags)) account::note_mapping(mapped, size, caller);
  return mapped;
}

}  // namespace

#define SEGWHY_CALLER                                       \
  Caller {                                                  \
    __builtin_return_address(0), __builtin_frame_address(0) \
  }

SEGWHY_EXPORT void* mmap(void* address, size_t size, int protection, int flags, int fd, off_t offset) noexcept {
  return map(address, size, protection, flags, fd, offset, SEGWHY_CALLER);
}

SEGWHY_EXPORT void* mmap64(void* address, size_t size, int protection, int flags, int fd, off64_t offset) noexcept {
  return map(address, size, protection, flags, fd, offset, SEGWHY_CALLER);
}

SEGWHY_EXPORT int munmap(void* address, size_t size) noexcept {
  account::Entry entry{};
  const bool counted = account::may_know(address) && account::take(address, entry);
  const int result = next().munmap(address, size);
  if (!counted) return result;
  if (result != 0) {
    account::put_back(address, entry);
  } else if (size < entry.bytes) {
    entry.bytes -= size;
    account::put_back(static_cast<char*>(address) + size, entry);
  }
  return result;
}

SEGWHY_EXPORT void* mremap(void* old, size_t old_size, size_t size, int flags, ...) noexcept {
  va_list rest;
  va_start(rest, flags);
  void* const wanted = (flags & MREMAP_FIXED) != 0 ? va_arg(rest, void*) : nullptr;
  va_end(rest);
  account::Entry entry{};
  const bool counted = account::may_know(old) && account::take(old, entry);
  void* const mapped = next().mremap(old, old_size, size, flags, wanted);
  if (!counted) return mapped;
  if (mapped == MAP_FAILED)
    account::put_back(old, entry);
  else
    account::note_mapping(mapped, size, SEGWHY_CALLER);
  return mapped;
}
