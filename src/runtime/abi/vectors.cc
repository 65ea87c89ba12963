// The calls that take arrays of pointers: exact mode makes those lead to where the kernel can follow them. (writev is
// in stderr_write.cc.)
#include "runtime/exact/vectors.h"

#include "runtime/abi/export.h"
#include "runtime/pal/next.h"

using segwhy::runtime::exact::OpenedMessage;
using segwhy::runtime::exact::OpenedVectors;
using segwhy::runtime::pal::next;

SEGWHY_EXPORT ssize_t readv(int fd, const iovec* vectors, int count) {
  const OpenedVectors opened(vectors, static_cast<size_t>(count));
  return next().readv(fd, opened.data(), static_cast<int>(opened.count()));
}

SEGWHY_EXPORT ssize_t preadv(int fd, const iovec* vectors, int count, off_t offset) {
  const OpenedVectors opened(vectors, static_cast<size_t>(count));
  return next().preadv(fd, opened.data(), static_cast<int>(opened.count()), offset);
}

SEGWHY_EXPORT ssize_t preadv64(int fd, const iovec* vectors, int count, off64_t offset) {
  return preadv(fd, vectors, count, offset);
}

SEGWHY_EXPORT ssize_t pwritev(int fd, const iovec* vectors, int count, off_t offset) {
  const OpenedVectors opened(vectors, static_cast<size_t>(count));
  return next().pwritev(fd, opened.data(), static_cast<int>(opened.count()), offset);
}

SEGWHY_EXPORT ssize_t pwritev64(int fd, const iovec* vectors, int count, off64_t offset) {
  return pwritev(fd, vectors, count, offset);
}

SEGWHY_EXPORT ssize_t sendmsg(int socket, const msghdr* message, int flags) {
  const OpenedMessage opened(message);
  return next().sendmsg(socket, opened.data(), flags);
}

SEGWHY_EXPORT ssize_t recvmsg(int socket, msghdr* message, int flags) {
  OpenedMessage opened(message);
  const ssize_t result = next().recvmsg(socket, opened.data(), flags);
  opened.return_results(message);
  return result;
}
