// Writes by descriptor: what went to descriptor 2 is kept (crash/stderr_ring.h). The real call comes first, so results,
// errno, blocking and cancellation are its own.
#include <sys/uio.h>
#include <unistd.h>

#include "runtime/abi/caller.h"
#include "runtime/abi/export.h"
#include "runtime/abi/formatted.h"
#include "runtime/crash/stderr_ring.h"
#include "runtime/exact/vectors.h"
#include "runtime/heap/transfer.h"
#include "runtime/pal/next.h"

using segwhy::runtime::FormattedText;
using segwhy::runtime::record_write;
using segwhy::runtime::pal::next;

namespace {

namespace heap = segwhy::runtime::heap;

SEGWHY_SLOW ssize_t write_from_block(int fd, const void* data, size_t size) {
  heap::Transfer buffer(heap::sending(next().write), data, size);
  const ssize_t written = next().write(fd, buffer.data(), size);
  record_write(fd, buffer.data(), written);
  buffer.finish(written, SEGWHY_CALLER);
  return written;
}

}  // namespace

SEGWHY_EXPORT ssize_t write(int fd, const void* data, size_t size) {
  if (heap::may_be_block(data)) return write_from_block(fd, data, size);
  const ssize_t written = next().write(fd, data, size);
  record_write(fd, data, written);
  return written;
}

SEGWHY_EXPORT ssize_t writev(int fd, const struct iovec* parts, int count) {
  const segwhy::runtime::exact::OpenedVectors opened(parts, static_cast<size_t>(count));
  heap::Transfers buffers(heap::sending(next().writev), opened.data(), opened.count());
  const ssize_t written = next().writev(fd, buffers.data(), static_cast<int>(opened.count()));
  ssize_t left = fd == 2 ? written : 0;
  for (size_t i = 0; i < opened.count() && left > 0; ++i) {
    const auto size = static_cast<ssize_t>(buffers.data()[i].iov_len);
    record_write(fd, buffers.data()[i].iov_base, size < left ? size : left);
    left -= size;
  }
  buffers.finish(written, SEGWHY_CALLER);
  return written;
}

namespace {

// `print` is the real function with its leading arguments bound.
template <typename Print>
int print_and_record(int fd, const char* format, va_list arguments, Print print) {
  if (__builtin_expect(fd != 2, 1)) return print(arguments);
  FormattedText text(arguments);
  const int result = print(arguments);
  text.record(result, format);
  return result;
}

}  // namespace

SEGWHY_EXPORT int vdprintf(int fd, const char* format, va_list arguments) {
  return print_and_record(fd, format, arguments, [=](va_list list) { return next().vdprintf(fd, format, list); });
}

SEGWHY_EXPORT int dprintf(int fd, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int result = vdprintf(fd, format, arguments);
  va_end(arguments);
  return result;
}

SEGWHY_EXPORT int __vdprintf_chk(int fd, int flag, const char* format, va_list arguments) {
  return print_and_record(fd, format, arguments,
                          [=](va_list list) { return next().__vdprintf_chk(fd, flag, format, list); });
}

SEGWHY_EXPORT int __dprintf_chk(int fd, int flag, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int result = __vdprintf_chk(fd, flag, format, arguments);
  va_end(arguments);
  return result;
}
