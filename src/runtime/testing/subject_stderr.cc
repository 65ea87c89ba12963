// Every way to write to stderr that the runtime keeps, with its result printed to stdout.
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "runtime/testing/subject.h"

extern "C" {
int __fprintf_chk(FILE* stream, int flag, const char* format, ...);
int __dprintf_chk(int fd, int flag, const char* format, ...);
int _IO_putc(int character, FILE* stream);
}

namespace segwhy::runtime::testing {
namespace {

__attribute__((format(printf, 1, 2))) int through_vfprintf(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int result = vfprintf(stderr, format, arguments);
  va_end(arguments);
  return result;
}

void show(const char* what, long result) {
  printf("%s %ld %d\n", what, result, errno);
}

int write_all_ways(int, char**) {
  errno = 5;
  show("write", write(2, "write\n", 6));
  char one[] = "one ", two[] = "two\n";
  const iovec parts[] = {{one, 4}, {two, 4}};
  show("writev", writev(2, parts, 2));
  show("fwrite", static_cast<long>(fwrite("fwrite\n", 1, 7, stderr)));
  show("fwrite items", static_cast<long>(fwrite("aabbcc\n", 7, 1, stderr)));
  show("fwrite none", static_cast<long>(fwrite("x", 0, 5, stderr)));
  show("fwrite_unlocked", static_cast<long>(fwrite_unlocked("unlocked\n", 1, 9, stderr)));
  show("fputs", fputs("fputs\n", stderr) >= 0);
  show("fputs_unlocked", fputs_unlocked("fputs_unlocked\n", stderr) >= 0);
  show("fputc", fputc('a', stderr));
  show("fputc_unlocked", fputc_unlocked('b', stderr));
  show("putc", (putc)('c', stderr));
  show("putc_unlocked", (putc_unlocked)('d', stderr));
  show("_IO_putc", _IO_putc('\377', stderr));
  errno = ENOENT;
  show("fprintf", fprintf(stderr, "%d %s %.3f %m\n", 42, "text", 1.5));
  errno = EACCES;
  show("vfprintf", through_vfprintf("%*d|%-5s|%m\n", 6, 7, "ab"));
  int count = 0;
  show("fprintf %n", fprintf(stderr, "abc%n\n", &count));
  show("count", count);
  show("__fprintf_chk", __fprintf_chk(stderr, 1, "%x\n", 255));
  show("dprintf", dprintf(2, "%s\n", "dprintf"));
  show("__dprintf_chk", __dprintf_chk(2, 1, "%s\n", "chk"));
  errno = ENOTDIR;
  perror("prefix");
  show("perror", 0);
  errno = ENOTDIR;
  perror(nullptr);
  show("stdout", fprintf(stdout, "not kept\n"));
  return 0;
}

// More than the ring holds, in lines that can be told apart; then one line longer than the formatting buffer.
int write_much(int, char**) {
  for (int i = 0; i < 20'000; ++i) fprintf(stderr, "line %d\n", i);
  static char text[40'000];
  memset(text, 'x', sizeof text - 1);
  printf("%d\n", fprintf(stderr, "%s\n", text));
  static char large[100'000];
  memset(large, 'y', sizeof large);
  large[sizeof large - 1] = '\n';
  printf("%zd\n", write(2, large, sizeof large));
  return 0;
}

int write_closed(int, char**) {
  close(2);
  errno = 0;
  show("write", write(2, "a", 1));
  show("fprintf", fprintf(stderr, "a"));
  show("fputs", fputs("a", stderr));
  show("fputc", fputc('a', stderr));
  perror("a");
  show("perror", 0);
  return 0;
}

int write_bad_pointer(int, char**) {
  errno = 0;
  const char* volatile bad = reinterpret_cast<const char*>(16);
  show("write", write(2, bad, 10));
  return 0;
}

}  // namespace

const Command kStderrCommands[] = {
    {"stderr", write_all_ways},
    {"stderr-much", write_much},
    {"stderr-closed", write_closed},
    {"stderr-bad-pointer", write_bad_pointer},
    {nullptr, nullptr},
};

}  // namespace segwhy::runtime::testing
