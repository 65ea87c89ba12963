// Writes through the stdio stream `stderr`, kept like those by descriptor. libc's own streams write below the symbols
// that can be taken over, so each function that puts text in is. Other streams cost one compare.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/abi/export.h"
#include "runtime/abi/formatted.h"
#include "runtime/crash/stderr_ring.h"
#include "runtime/pal/next.h"

using segwhy::runtime::FormattedText;
using segwhy::runtime::record_stderr;
using segwhy::runtime::pal::next;

namespace {

// The stream may have been reopened onto something else. Asked only after a successful write, when it is open.
[[nodiscard]] bool is_stderr(FILE* stream) {
  if (__builtin_expect(stream != stderr, 1)) return false;
  const int saved = errno;
  const bool on_descriptor = fileno_unlocked(stream) == 2;
  errno = saved;
  return on_descriptor;
}

size_t record_items(const void* data, size_t size, size_t items, FILE* stream) {
  if (items != 0 && is_stderr(stream)) record_stderr(data, size * items);
  return items;
}

int record_text(const char* text, int result, FILE* stream) {
  if (result >= 0 && is_stderr(stream)) record_stderr(text, strlen(text));
  return result;
}

int record_character(int result, FILE* stream) {
  const char byte = static_cast<char>(result);
  if (result != EOF && is_stderr(stream)) record_stderr(&byte, 1);
  return result;
}

// `print` is the real function with its other arguments bound.
template <typename Print>
int print_and_record(FILE* stream, const char* format, va_list arguments, Print print) {
  if (__builtin_expect(stream != stderr, 1)) return print(arguments);
  FormattedText text(arguments);
  const int result = print(arguments);
  if (result > 0 && is_stderr(stream)) text.record(result, format);
  return result;
}

}  // namespace

SEGWHY_EXPORT size_t fwrite(const void* data, size_t size, size_t items, FILE* stream) {
  return record_items(data, size, next().fwrite(data, size, items, stream), stream);
}

SEGWHY_EXPORT size_t fwrite_unlocked(const void* data, size_t size, size_t items, FILE* stream) {
  return record_items(data, size, next().fwrite_unlocked(data, size, items, stream), stream);
}

SEGWHY_EXPORT int fputs(const char* text, FILE* stream) {
  return record_text(text, next().fputs(text, stream), stream);
}

SEGWHY_EXPORT int fputs_unlocked(const char* text, FILE* stream) {
  return record_text(text, next().fputs_unlocked(text, stream), stream);
}

SEGWHY_EXPORT int fputc(int character, FILE* stream) {
  return record_character(next().fputc(character, stream), stream);
}

SEGWHY_EXPORT int fputc_unlocked(int character, FILE* stream) {
  return record_character(next().fputc_unlocked(character, stream), stream);
}

#undef putc
SEGWHY_EXPORT int putc(int character, FILE* stream) {
  return record_character(next().putc(character, stream), stream);
}

#undef putc_unlocked
SEGWHY_EXPORT int putc_unlocked(int character, FILE* stream) {
  return record_character(next().putc_unlocked(character, stream), stream);
}

// What putc was in programs built against glibc before 2.28.
SEGWHY_EXPORT int _IO_putc(int character, FILE* stream) {
  return record_character(next()._IO_putc(character, stream), stream);
}

// What the inlined putc_unlocked calls when the stream has no room, which an unbuffered one never has.
SEGWHY_EXPORT int __overflow(FILE* stream, int character) {
  const int result = next().__overflow(stream, character);
  return character != EOF ? record_character(result, stream) : result;
}

SEGWHY_EXPORT int vfprintf(FILE* stream, const char* format, va_list arguments) {
  return print_and_record(stream, format, arguments,
                          [=](va_list list) { return next().vfprintf(stream, format, list); });
}

SEGWHY_EXPORT int fprintf(FILE* stream, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int result = vfprintf(stream, format, arguments);
  va_end(arguments);
  return result;
}

SEGWHY_EXPORT int __vfprintf_chk(FILE* stream, int flag, const char* format, va_list arguments) {
  return print_and_record(stream, format, arguments,
                          [=](va_list list) { return next().__vfprintf_chk(stream, flag, format, list); });
}

SEGWHY_EXPORT int __fprintf_chk(FILE* stream, int flag, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int result = __vfprintf_chk(stream, flag, format, arguments);
  va_end(arguments);
  return result;
}

// Says "prefix: reason\n"; there is no result that tells whether it could.
SEGWHY_EXPORT void perror(const char* prefix) {
  const int error = errno;
  next().perror(prefix);
  const int saved = errno;
  if (is_stderr(stderr)) {
    char buffer[256];
    if (prefix != nullptr && *prefix != '\0') {
      record_stderr(prefix, strlen(prefix));
      record_stderr(": ", 2);
    }
    const char* const reason = strerror_r(error, buffer, sizeof buffer);
    record_stderr(reason, strlen(reason));
    record_stderr("\n", 1);
  }
  errno = saved;
}
