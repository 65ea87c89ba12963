// Which arguments of a system call point to memory, and how much of it the kernel touches.
#pragma once

#include <stdint.h>
#include <sys/syscall.h>

namespace segwhy::runtime::exact {

enum class Transfer : uint8_t {
  kStruct,      // the size depends on the call: only where it begins is looked at
  kToMemory,    // the kernel writes as many bytes to the first pointer as the call returns
  kFromMemory,  // the kernel reads as many bytes from the first pointer as the next argument says
  kVectors,     // the second argument is an array of iovec
  kMessage,     // the second argument is a msghdr
};

struct SystemCall {
  uint16_t number;
  uint8_t pointers;  // bit n: argument n points to memory
  Transfer transfer;
};

#define SEGWHY_CALL(name, pointers, transfer) \
  { SYS_##name, pointers, Transfer::transfer }

// Not here: calls that take addresses rather than memory (mmap and its kin), that make processes or leave signal
// handlers, and rare ones. Sorted by nothing.
inline constexpr SystemCall kSystemCalls[] = {
    SEGWHY_CALL(read, 0x02, kToMemory),
    SEGWHY_CALL(write, 0x02, kFromMemory),
    SEGWHY_CALL(pread64, 0x02, kToMemory),
    SEGWHY_CALL(pwrite64, 0x02, kFromMemory),
    SEGWHY_CALL(recvfrom, 0x32, kToMemory),
    SEGWHY_CALL(sendto, 0x12, kFromMemory),
    SEGWHY_CALL(getrandom, 0x01, kToMemory),
    SEGWHY_CALL(getdents64, 0x02, kToMemory),
    SEGWHY_CALL(getcwd, 0x01, kToMemory),
    SEGWHY_CALL(readv, 0x02, kVectors),
    SEGWHY_CALL(writev, 0x02, kVectors),
    SEGWHY_CALL(preadv, 0x02, kVectors),
    SEGWHY_CALL(pwritev, 0x02, kVectors),
    SEGWHY_CALL(preadv2, 0x02, kVectors),
    SEGWHY_CALL(pwritev2, 0x02, kVectors),
    SEGWHY_CALL(vmsplice, 0x02, kVectors),
    SEGWHY_CALL(process_vm_readv, 0x0a, kVectors),
    SEGWHY_CALL(process_vm_writev, 0x0a, kVectors),
    SEGWHY_CALL(sendmsg, 0x02, kMessage),
    SEGWHY_CALL(recvmsg, 0x02, kMessage),
    SEGWHY_CALL(futex, 0x19, kStruct),
    SEGWHY_CALL(open, 0x01, kStruct),
    SEGWHY_CALL(openat, 0x02, kStruct),
    SEGWHY_CALL(stat, 0x03, kStruct),
    SEGWHY_CALL(fstat, 0x02, kStruct),
    SEGWHY_CALL(lstat, 0x03, kStruct),
    SEGWHY_CALL(newfstatat, 0x06, kStruct),
    SEGWHY_CALL(statx, 0x12, kStruct),
    SEGWHY_CALL(statfs, 0x03, kStruct),
    SEGWHY_CALL(fstatfs, 0x02, kStruct),
    SEGWHY_CALL(access, 0x01, kStruct),
    SEGWHY_CALL(faccessat, 0x02, kStruct),
    SEGWHY_CALL(readlink, 0x03, kStruct),
    SEGWHY_CALL(readlinkat, 0x06, kStruct),
    SEGWHY_CALL(mkdir, 0x01, kStruct),
    SEGWHY_CALL(mkdirat, 0x02, kStruct),
    SEGWHY_CALL(rmdir, 0x01, kStruct),
    SEGWHY_CALL(unlink, 0x01, kStruct),
    SEGWHY_CALL(unlinkat, 0x02, kStruct),
    SEGWHY_CALL(rename, 0x03, kStruct),
    SEGWHY_CALL(renameat, 0x0a, kStruct),
    SEGWHY_CALL(renameat2, 0x0a, kStruct),
    SEGWHY_CALL(link, 0x03, kStruct),
    SEGWHY_CALL(symlink, 0x03, kStruct),
    SEGWHY_CALL(chdir, 0x01, kStruct),
    SEGWHY_CALL(chmod, 0x01, kStruct),
    SEGWHY_CALL(truncate, 0x01, kStruct),
    SEGWHY_CALL(utimensat, 0x06, kStruct),
    SEGWHY_CALL(memfd_create, 0x01, kStruct),
    SEGWHY_CALL(inotify_add_watch, 0x02, kStruct),
    SEGWHY_CALL(getxattr, 0x07, kStruct),
    SEGWHY_CALL(setxattr, 0x07, kStruct),
    SEGWHY_CALL(ioctl, 0x04, kStruct),
    SEGWHY_CALL(fcntl, 0x04, kStruct),
    SEGWHY_CALL(poll, 0x01, kStruct),
    SEGWHY_CALL(ppoll, 0x0d, kStruct),
    SEGWHY_CALL(select, 0x1e, kStruct),
    SEGWHY_CALL(pselect6, 0x3e, kStruct),
    SEGWHY_CALL(epoll_ctl, 0x08, kStruct),
    SEGWHY_CALL(epoll_wait, 0x02, kStruct),
    SEGWHY_CALL(epoll_pwait, 0x12, kStruct),
    SEGWHY_CALL(pipe, 0x01, kStruct),
    SEGWHY_CALL(pipe2, 0x01, kStruct),
    SEGWHY_CALL(sendfile, 0x04, kStruct),
    SEGWHY_CALL(splice, 0x0a, kStruct),
    SEGWHY_CALL(copy_file_range, 0x0a, kStruct),
    SEGWHY_CALL(connect, 0x02, kStruct),
    SEGWHY_CALL(bind, 0x02, kStruct),
    SEGWHY_CALL(accept, 0x06, kStruct),
    SEGWHY_CALL(accept4, 0x06, kStruct),
    SEGWHY_CALL(getsockname, 0x06, kStruct),
    SEGWHY_CALL(getpeername, 0x06, kStruct),
    SEGWHY_CALL(setsockopt, 0x08, kStruct),
    SEGWHY_CALL(getsockopt, 0x18, kStruct),
    SEGWHY_CALL(socketpair, 0x08, kStruct),
    SEGWHY_CALL(nanosleep, 0x03, kStruct),
    SEGWHY_CALL(clock_nanosleep, 0x0c, kStruct),
    SEGWHY_CALL(clock_gettime, 0x02, kStruct),
    SEGWHY_CALL(clock_getres, 0x02, kStruct),
    SEGWHY_CALL(gettimeofday, 0x03, kStruct),
    SEGWHY_CALL(setitimer, 0x06, kStruct),
    SEGWHY_CALL(getitimer, 0x02, kStruct),
    SEGWHY_CALL(timer_create, 0x06, kStruct),
    SEGWHY_CALL(timer_settime, 0x0c, kStruct),
    SEGWHY_CALL(timer_gettime, 0x02, kStruct),
    SEGWHY_CALL(timerfd_settime, 0x0c, kStruct),
    SEGWHY_CALL(timerfd_gettime, 0x02, kStruct),
    SEGWHY_CALL(times, 0x01, kStruct),
    SEGWHY_CALL(wait4, 0x0a, kStruct),
    SEGWHY_CALL(waitid, 0x14, kStruct),
    SEGWHY_CALL(uname, 0x01, kStruct),
    SEGWHY_CALL(sysinfo, 0x01, kStruct),
    SEGWHY_CALL(getrusage, 0x02, kStruct),
    SEGWHY_CALL(getrlimit, 0x02, kStruct),
    SEGWHY_CALL(setrlimit, 0x02, kStruct),
    SEGWHY_CALL(prlimit64, 0x0c, kStruct),
    SEGWHY_CALL(getgroups, 0x02, kStruct),
    SEGWHY_CALL(sched_setaffinity, 0x04, kStruct),
    SEGWHY_CALL(sched_getaffinity, 0x04, kStruct),
    SEGWHY_CALL(getcpu, 0x03, kStruct),
    SEGWHY_CALL(rt_sigaction, 0x06, kStruct),
    SEGWHY_CALL(rt_sigprocmask, 0x06, kStruct),
    SEGWHY_CALL(rt_sigpending, 0x01, kStruct),
    SEGWHY_CALL(rt_sigtimedwait, 0x07, kStruct),
    SEGWHY_CALL(rt_sigsuspend, 0x01, kStruct),
    SEGWHY_CALL(signalfd4, 0x02, kStruct),
};

#undef SEGWHY_CALL

}  // namespace segwhy::runtime::exact
