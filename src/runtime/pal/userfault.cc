#include "runtime/pal/userfault.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>

#include "runtime/pal/syscall.h"

namespace segwhy::runtime::pal {
namespace {

constexpr int kUserModeOnly = 1;
// Above what programs expect of a small number of open files, below the usual limit of 1024.
constexpr int kLeastDescriptor = 900;

// Of kernel 6.8; older headers lack it.
struct MoveRequest {
  uint64_t destination;
  uint64_t source;
  uint64_t bytes;
  uint64_t mode;
  int64_t moved;
};
constexpr uint64_t kMoveNumber = 0x05;
constexpr uint64_t kMoveIoctl = _IOWR(UFFDIO, kMoveNumber, MoveRequest);
constexpr uint64_t kFeatureMove = uint64_t{1} << 16;

template <typename Request>
long control(long fd, uint64_t number, Request& request) {
  return syscall(SYS_ioctl, fd, number, &request);
}

// Out of the way, or nowhere: a low number would shift those of the program.
[[nodiscard]] long move_up(long fd) {
  const long high = syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, kLeastDescriptor);
  syscall(SYS_close, fd);
  return high;
}

}  // namespace

long open_userfault() {
  const long fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | kUserModeOnly);
  if (fd < 0) return fd;
  uffdio_api api{};
  api.api = UFFD_API;
  api.features = UFFD_FEATURE_SIGBUS | kFeatureMove;
  const long ready = control(fd, UFFDIO_API, api);
  if (ready == 0) return move_up(fd);
  syscall(SYS_close, fd);
  return ready;
}

bool is_userfault(long fd) {
  constexpr char kPrefix[] = "/proc/self/fd/";
  constexpr char kName[] = "anon_inode:[userfaultfd]";
  char path[sizeof kPrefix + 12];
  memcpy(path, kPrefix, sizeof kPrefix);
  char digits[12];
  size_t count = 0;
  for (long rest = fd; rest != 0 || count == 0; rest /= 10) digits[count++] = static_cast<char>('0' + rest % 10);
  size_t at = sizeof kPrefix - 1;
  while (count > 0) path[at++] = digits[--count];
  path[at] = '\0';
  char target[64];
  const long length =
      syscall(SYS_readlinkat, AT_FDCWD, static_cast<char*>(path), static_cast<char*>(target), sizeof target);
  return length == static_cast<long>(sizeof kName - 1) && memcmp(target, kName, sizeof kName - 1) == 0;
}

long register_userfault(long fd, uintptr_t address, size_t bytes) {
  uffdio_register request{};
  request.range.start = address;
  request.range.len = bytes;
  request.mode = UFFDIO_REGISTER_MODE_MISSING;
  return control(fd, UFFDIO_REGISTER, request);
}

long populate_zero(long fd, uintptr_t address, size_t bytes) {
  uffdio_zeropage request{};
  request.range.start = address;
  request.range.len = bytes;
  request.mode = UFFDIO_ZEROPAGE_MODE_DONTWAKE;
  return control(fd, UFFDIO_ZEROPAGE, request);
}

long move_pages(long fd, uintptr_t destination, uintptr_t source, size_t bytes) {
  constexpr uint64_t kDontWake = 1;
  constexpr int kTries = 3;
  long result = 0;
  for (int i = 0; i < kTries; ++i) {
    MoveRequest request{destination, source, bytes, kDontWake, 0};
    result = control(fd, kMoveIoctl, request);
    if (result != -EAGAIN || request.moved > 0) break;
  }
  return result;
}

}  // namespace segwhy::runtime::pal
