// The calls that take arrays of pointers: exact mode makes those lead to where the kernel can follow them, and the heap
// looks at the blocks among them. (writev is in stderr_write.cc.)

#include "runtime/exact/vectors.h"
#include "runtime/abi/caller.h"
#include "runtime/abi/export.h"
#include "runtime/heap/transfer.h"
#include "runtime/pal/next.h"

namespace heap = segwhy::runtime::heap;
using segwhy::runtime::exact::OpenedMessage;
using segwhy::runtime::exact::OpenedVectors;
using segwhy::runtime::pal::next;

namespace {

// `make` is the real call with its other arguments bound.
template <typename Make>
ssize_t transfer(const heap::Call& call, const iovec* vectors, int count, const heap::Caller& caller, Make make) {
  const OpenedVectors opened(vectors, static_cast<size_t>(count));
  heap::Transfers buffers(call, opened.data(), opened.count());
  const ssize_t result = make(buffers.data(), static_cast<int>(opened.count()));
  buffers.finish(result, caller);
  return result;
}

}  // namespace

SEGWHY_EXPORT ssize_t readv(int fd, const iovec* vectors, int count) {
  return transfer(heap::receiving(next().readv), vectors, count, SEGWHY_CALLER,
                  [=](const iovec* to, int parts) { return next().readv(fd, to, parts); });
}

SEGWHY_EXPORT ssize_t preadv(int fd, const iovec* vectors, int count, off_t offset) {
  return transfer(heap::receiving(next().preadv), vectors, count, SEGWHY_CALLER,
                  [=](const iovec* to, int parts) { return next().preadv(fd, to, parts, offset); });
}

SEGWHY_EXPORT ssize_t preadv64(int fd, const iovec* vectors, int count, off64_t offset) {
  return transfer(heap::receiving(next().preadv), vectors, count, SEGWHY_CALLER,
                  [=](const iovec* to, int parts) { return next().preadv(fd, to, parts, offset); });
}

SEGWHY_EXPORT ssize_t pwritev(int fd, const iovec* vectors, int count, off_t offset) {
  return transfer(heap::sending(next().pwritev), vectors, count, SEGWHY_CALLER,
                  [=](const iovec* from, int parts) { return next().pwritev(fd, from, parts, offset); });
}

SEGWHY_EXPORT ssize_t pwritev64(int fd, const iovec* vectors, int count, off64_t offset) {
  return transfer(heap::sending(next().pwritev), vectors, count, SEGWHY_CALLER,
                  [=](const iovec* from, int parts) { return next().pwritev(fd, from, parts, offset); });
}

SEGWHY_EXPORT ssize_t sendmsg(int socket, const msghdr* message, int flags) {
  const OpenedMessage opened(message);
  heap::MessageTransfers buffers(heap::sending(next().sendmsg), const_cast<msghdr*>(opened.data()), flags);
  const ssize_t result = next().sendmsg(socket, buffers.data(), flags);
  buffers.finish(result, SEGWHY_CALLER);
  return result;
}

SEGWHY_EXPORT ssize_t recvmsg(int socket, msghdr* message, int flags) {
  OpenedMessage opened(message);
  heap::MessageTransfers buffers(heap::receiving(next().recvmsg), opened.data(), flags);
  const ssize_t result = next().recvmsg(socket, buffers.data(), flags);
  buffers.finish(result, SEGWHY_CALLER);
  opened.return_results(message);
  return result;
}
