#include "runtime/abi/formatted.h"

#include <stdio.h>

#include "runtime/crash/stderr_ring.h"
#include "runtime/pal/spin_lock.h"

namespace segwhy::runtime {
namespace {

pal::SpinLock format_lock;
char format_buffer[kFormatBytes];  // too large for a small thread's stack

void format_and_record(char* buffer, size_t capacity, int printed, const char* format, va_list arguments) {
  if (vsnprintf(buffer, capacity, format, arguments) < 0) return;
  const size_t length = static_cast<size_t>(printed);
  record_stderr(buffer, length < capacity ? length : capacity - 1);
}

}  // namespace

void FormattedText::record(int result, const char* format) {
  if (result <= 0) return;
  const int saved = errno;
  errno = errno_;
  if (format_lock.try_lock()) {
    format_and_record(format_buffer, sizeof format_buffer, result, format, arguments_);
    format_lock.unlock();
  } else {  // another thread prints, or this one was interrupted while it did
    char small[512];
    format_and_record(small, sizeof small, result, format, arguments_);
  }
  errno = saved;
}

void reset_format_lock() {
  format_lock.unlock();
}

}  // namespace segwhy::runtime
