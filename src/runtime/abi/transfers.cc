// Calls that hand one buffer to the kernel. A buffer that may be a block of the heap's is looked at (heap/transfer.h);
// all others cost a compare. (write is in stderr_write.cc, the calls with arrays of buffers in vectors.cc.)
#include "runtime/heap/transfer.h"

#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/abi/caller.h"
#include "runtime/abi/export.h"
#include "runtime/pal/next.h"

namespace segwhy::runtime::heap {
namespace {

using pal::next;

// `make` is the real call with its other arguments bound.
template <typename Make>
ssize_t transfer(const Call& call, const void* data, size_t size, const Caller& caller, Make make) {
  Transfer buffer(call, data, size);
  const ssize_t result = make(buffer.data());
  buffer.finish(result, caller);
  return result;
}

SEGWHY_SLOW ssize_t read_to_block(int fd, void* data, size_t size) {
  return transfer(receiving(next().read), data, size, SEGWHY_CALLER,
                  [=](void* to) { return next().read(fd, to, size); });
}

SEGWHY_SLOW ssize_t pread_to_block(int fd, void* data, size_t size, off_t offset) {
  return transfer(receiving(next().pread), data, size, SEGWHY_CALLER,
                  [=](void* to) { return next().pread(fd, to, size, offset); });
}

SEGWHY_SLOW ssize_t pwrite_from_block(int fd, const void* data, size_t size, off_t offset) {
  return transfer(sending(next().pwrite), data, size, SEGWHY_CALLER,
                  [=](void* from) { return next().pwrite(fd, from, size, offset); });
}

SEGWHY_SLOW ssize_t receive_to_block(int socket, void* data, size_t size, int flags, sockaddr* from,
                                     socklen_t* length) {
  return transfer(receiving(next().recvfrom), data, size, SEGWHY_CALLER,
                  [=](void* to) { return next().recvfrom(socket, to, size, flags, from, length); });
}

SEGWHY_SLOW ssize_t send_from_block(int socket, const void* data, size_t size, int flags, const sockaddr* to,
                                    socklen_t length) {
  return transfer(sending(next().sendto), data, size, SEGWHY_CALLER,
                  [=](void* from) { return next().sendto(socket, from, size, flags, to, length); });
}

SEGWHY_SLOW ssize_t random_to_block(void* data, size_t size, unsigned flags) {
  return transfer(receiving(next().getrandom), data, size, SEGWHY_CALLER,
                  [=](void* to) { return next().getrandom(to, size, flags); });
}

}  // namespace
}  // namespace segwhy::runtime::heap

using namespace segwhy::runtime::heap;
using segwhy::runtime::pal::next;

SEGWHY_EXPORT ssize_t read(int fd, void* data, size_t size) {
  if (may_be_block(data)) return read_to_block(fd, data, size);
  return next().read(fd, data, size);
}

// What _FORTIFY_SOURCE makes of calls whose buffer's size the compiler knows: libc ends the program when it is too
// small.
SEGWHY_EXPORT ssize_t __read_chk(int fd, void* data, size_t size, size_t room) {
  if (size <= room && may_be_block(data)) return read_to_block(fd, data, size);
  return next().__read_chk(fd, data, size, room);
}

SEGWHY_EXPORT ssize_t pread(int fd, void* data, size_t size, off_t offset) {
  if (may_be_block(data)) return pread_to_block(fd, data, size, offset);
  return next().pread(fd, data, size, offset);
}

SEGWHY_EXPORT ssize_t pread64(int fd, void* data, size_t size, off64_t offset) {
  if (may_be_block(data)) return pread_to_block(fd, data, size, offset);
  return next().pread(fd, data, size, offset);
}

SEGWHY_EXPORT ssize_t __pread_chk(int fd, void* data, size_t size, off_t offset, size_t room) {
  if (size <= room && may_be_block(data)) return pread_to_block(fd, data, size, offset);
  return next().__pread_chk(fd, data, size, offset, room);
}

SEGWHY_EXPORT ssize_t __pread64_chk(int fd, void* data, size_t size, off64_t offset, size_t room) {
  if (size <= room && may_be_block(data)) return pread_to_block(fd, data, size, offset);
  return next().__pread_chk(fd, data, size, offset, room);
}

SEGWHY_EXPORT ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
  if (may_be_block(data)) return pwrite_from_block(fd, data, size, offset);
  return next().pwrite(fd, data, size, offset);
}

SEGWHY_EXPORT ssize_t pwrite64(int fd, const void* data, size_t size, off64_t offset) {
  if (may_be_block(data)) return pwrite_from_block(fd, data, size, offset);
  return next().pwrite(fd, data, size, offset);
}

SEGWHY_EXPORT ssize_t recv(int socket, void* data, size_t size, int flags) {
  if (may_be_block(data) && is_plain_transfer(flags))
    return receive_to_block(socket, data, size, flags, nullptr, nullptr);
  return next().recv(socket, data, size, flags);
}

SEGWHY_EXPORT ssize_t __recv_chk(int socket, void* data, size_t size, size_t room, int flags) {
  if (size > room) return next().__recv_chk(socket, data, size, room, flags);
  if (may_be_block(data) && is_plain_transfer(flags))
    return receive_to_block(socket, data, size, flags, nullptr, nullptr);
  return next().recv(socket, data, size, flags);
}

SEGWHY_EXPORT ssize_t recvfrom(int socket, void* data, size_t size, int flags, sockaddr* from, socklen_t* length) {
  if (may_be_block(data) && is_plain_transfer(flags)) return receive_to_block(socket, data, size, flags, from, length);
  return next().recvfrom(socket, data, size, flags, from, length);
}

SEGWHY_EXPORT ssize_t __recvfrom_chk(int socket, void* data, size_t size, size_t room, int flags, sockaddr* from,
                                     socklen_t* length) {
  if (size > room) return next().__recvfrom_chk(socket, data, size, room, flags, from, length);
  if (may_be_block(data) && is_plain_transfer(flags)) return receive_to_block(socket, data, size, flags, from, length);
  return next().recvfrom(socket, data, size, flags, from, length);
}

SEGWHY_EXPORT ssize_t send(int socket, const void* data, size_t size, int flags) {
  if (may_be_block(data) && is_plain_transfer(flags)) return send_from_block(socket, data, size, flags, nullptr, 0);
  return next().send(socket, data, size, flags);
}

SEGWHY_EXPORT ssize_t sendto(int socket, const void* data, size_t size, int flags, const sockaddr* to,
                             socklen_t length) {
  if (may_be_block(data) && is_plain_transfer(flags)) return send_from_block(socket, data, size, flags, to, length);
  return next().sendto(socket, data, size, flags, to, length);
}

SEGWHY_EXPORT ssize_t getrandom(void* data, size_t size, unsigned flags) noexcept {
  if (may_be_block(data)) return random_to_block(data, size, flags);
  return next().getrandom(data, size, flags);
}
