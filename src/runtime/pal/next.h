// The definitions behind the symbols that the runtime exports: libc's, or those of a library preloaded after it.
// Resolved once, with dlsym(RTLD_NEXT), at load or by the first call before that. Thread-safe.
#pragma once

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {
// Not declared in any header that an application includes.
int _IO_putc(int character, FILE* stream);
int __overflow(FILE* stream, int character);
int __vfprintf_chk(FILE* stream, int flag, const char* format, va_list arguments);
int __vdprintf_chk(int fd, int flag, const char* format, va_list arguments);
int __fxstat(int version, int fd, struct stat* out) noexcept;  // what fstat() was before glibc 2.33
ssize_t __read_chk(int fd, void* data, size_t size, size_t room);
ssize_t __pread_chk(int fd, void* data, size_t size, off_t offset, size_t room);
ssize_t __recv_chk(int socket, void* data, size_t size, size_t room, int flags);
ssize_t __recvfrom_chk(int socket, void* data, size_t size, size_t room, int flags, sockaddr* from, socklen_t* length);
}

// One list for the table and its resolution.
// clang-format off
#define SEGWHY_NEXT_FUNCTIONS(X)                                                                \
  X(sigaction) X(sigprocmask) X(pthread_sigmask) X(sigaltstack) X(pthread_create)               \
  X(wait) X(waitpid) X(wait3) X(wait4) X(waitid) X(setrlimit) X(prlimit) X(fstat) X(__fxstat)    \
  X(read) X(pread) X(pwrite) X(recv) X(recvfrom) X(send) X(sendto) X(getrandom)                 \
  X(__read_chk) X(__pread_chk) X(__recv_chk) X(__recvfrom_chk)                                  \
  X(write) X(writev) X(readv) X(preadv) X(pwritev) X(sendmsg) X(recvmsg) X(vdprintf) X(__vdprintf_chk)                                              \
  X(fwrite) X(fwrite_unlocked) X(fputs) X(fputs_unlocked) X(fputc) X(fputc_unlocked)            \
  X(madvise) X(mmap) X(munmap) X(mremap) X(putc) X(putc_unlocked) X(_IO_putc) X(__overflow) X(vfprintf) X(__vfprintf_chk) X(perror)
// clang-format on

namespace segwhy::runtime::pal {

struct NextFunctions {
#define SEGWHY_MEMBER(name) decltype(&::name) name;
  SEGWHY_NEXT_FUNCTIONS(SEGWHY_MEMBER)
#undef SEGWHY_MEMBER
};

namespace internal {
extern NextFunctions next_functions;
extern const void* abort_message;
extern bool next_resolved;
void resolve_next();
}  // namespace internal

// Every member is callable: a symbol that nobody defines resolves to a function that fails with ENOSYS.
[[nodiscard]] inline const NextFunctions& next() {
  if (__builtin_expect(!__atomic_load_n(&internal::next_resolved, __ATOMIC_ACQUIRE), 0)) internal::resolve_next();
  return internal::next_functions;
}

// The address of glibc's `__abort_msg`, a pointer to the text that precedes an abort(); null elsewhere.
[[nodiscard]] inline const void* abort_message_variable() {
  return internal::abort_message;
}

}  // namespace segwhy::runtime::pal
