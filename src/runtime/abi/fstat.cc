// fstat(2) and its names: the heap's own descriptor, which the program never opened, is none to it. Programs look
// for their open descriptors this way.
#include <errno.h>
#include <sys/stat.h>

#include "runtime/abi/export.h"
#include "runtime/heap/arena.h"
#include "runtime/pal/next.h"
#include "runtime/pal/userfault.h"

namespace {

using segwhy::runtime::heap::arena;
using segwhy::runtime::pal::next;

static_assert(sizeof(struct stat) == sizeof(struct stat64), "one function serves both names");

// The program may have closed it and have another one of that number.
[[nodiscard]] bool is_hidden(int fd) {
  if (__builtin_expect(arena().base == 0 || fd != arena().userfault, 1)) return false;
  const int saved = errno;
  const bool is_own = segwhy::runtime::pal::is_userfault(fd);
  errno = is_own ? EBADF : saved;
  return is_own;
}

}  // namespace

SEGWHY_EXPORT int fstat(int fd, struct stat* out) noexcept {
  return is_hidden(fd) ? -1 : next().fstat(fd, out);
}

SEGWHY_EXPORT int fstat64(int fd, struct stat64* out) noexcept {
  return fstat(fd, reinterpret_cast<struct stat*>(out));
}

SEGWHY_EXPORT int __fxstat(int version, int fd, struct stat* out) noexcept {
  return is_hidden(fd) ? -1 : next().__fxstat(version, fd, out);
}

SEGWHY_EXPORT int __fxstat64(int version, int fd, struct stat64* out) noexcept {
  return __fxstat(version, fd, reinterpret_cast<struct stat*>(out));
}
