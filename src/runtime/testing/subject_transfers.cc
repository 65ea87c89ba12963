// System calls on a block of 1000 bytes: within it, past its end, before its start, after its free. What is printed
// does not depend on the runtime.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/testing/subject.h"

namespace segwhy::runtime::testing {
namespace {

constexpr size_t kBlock = 1000;
constexpr size_t kTransfer = 100;

int here, there;  // a connection
int file;         // of kTransfer bytes 'y'
iovec pieces[2];  // the transfer in two parts
msghdr message;

struct Transfer {
  const char* name;
  bool to_memory;
  ssize_t (*call)(char* at, size_t size);
};

const iovec* split(char* at, size_t size) {
  pieces[0] = {at, size / 2};
  pieces[1] = {at + size / 2, size - size / 2};
  return pieces;
}

msghdr* pack(char* at, size_t size) {
  message.msg_iov = const_cast<iovec*>(split(at, size));
  message.msg_iovlen = 2;
  return &message;
}

constexpr Transfer kTransfers[] = {
    {"write", false, [](char* at, size_t size) { return write(here, at, size); }},
    {"pwrite", false, [](char* at, size_t size) { return pwrite(file, at, size, 0); }},
    {"send", false, [](char* at, size_t size) { return send(here, at, size, 0); }},
    {"sendto", false, [](char* at, size_t size) { return sendto(here, at, size, 0, nullptr, 0); }},
    {"writev", false, [](char* at, size_t size) { return writev(here, split(at, size), 2); }},
    {"pwritev", false, [](char* at, size_t size) { return pwritev(file, split(at, size), 2, 0); }},
    {"sendmsg", false, [](char* at, size_t size) { return sendmsg(here, pack(at, size), 0); }},
    {"read", true, [](char* at, size_t size) { return read(here, at, size); }},
    {"pread", true, [](char* at, size_t size) { return pread(file, at, size, 0); }},
    {"recv", true, [](char* at, size_t size) { return recv(here, at, size, 0); }},
    {"recvfrom", true, [](char* at, size_t size) { return recvfrom(here, at, size, 0, nullptr, nullptr); }},
    {"readv", true, [](char* at, size_t size) { return readv(here, split(at, size), 2); }},
    {"preadv", true, [](char* at, size_t size) { return preadv(file, split(at, size), 2, 0); }},
    {"recvmsg", true, [](char* at, size_t size) { return recvmsg(here, pack(at, size), 0); }},
};

bool connect_ends() {
  int ends[2];
  char ys[kTransfer];
  memset(ys, 'y', sizeof ys);
  FILE* const temporary = tmpfile();
  if (temporary == nullptr || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return false;
  here = ends[0];
  there = ends[1];
  file = fileno(temporary);
  return write(there, ys, sizeof ys) == sizeof ys && pwrite(file, ys, sizeof ys, 0) == sizeof ys;
}

// How many of the bytes that arrived from within the block are what it held. What lies beside it is anybody's.
int arrived(const Transfer& transfer, int offset) {
  char seen[kTransfer] = "";
  const bool to_file = transfer.name[0] == 'p';
  const ssize_t count = to_file ? pread(file, seen, sizeof seen, 0) : recv(there, seen, sizeof seen, MSG_DONTWAIT);
  int held = 0;
  for (ssize_t i = 0; i < count; ++i) {
    const ssize_t at = offset + i;
    if (at >= 0 && at < static_cast<ssize_t>(kBlock)) held += seen[i] == 'x' ? 1 : 0;
  }
  return held;
}

int changed(const char* block) {
  int count = 0;
  for (size_t i = 0; i < kBlock; ++i) count += block[i] != 'x' ? 1 : 0;
  return count;
}

// argv: the call, the offset of its buffer, whether to free the block before, the buffer's length.
int transfer(int argc, char** argv) {
  const int offset = argument(argc, argv, 1, 0);
  const bool freed = argument(argc, argv, 2, 0) != 0;
  const auto size = static_cast<size_t>(argument(argc, argv, 3, kTransfer));
  void* memory = nullptr;
  setvbuf(stdout, nullptr, _IONBF, 0);
  if (argc < 1 || !connect_ends() || posix_memalign(&memory, 64, kBlock) != 0) return 3;
  void* const neighbour = malloc(4096);  // what is overwritten plainly
  if (neighbour == nullptr) return 3;
  auto* const block = static_cast<char*>(memory);
  memset(block, 'x', kBlock);
  if (freed) free(block);
  for (const Transfer& each : kTransfers) {
    if (strcmp(each.name, argv[0]) != 0) continue;
    const bool again = !each.to_memory || each.name[0] == 'p';  // else there is nothing more to read
    for (int i = 0; i < (again ? 3 : 1); ++i) {
      errno = 77;
      const ssize_t result = each.call(block + offset, size);
      printf("%zd %d\n", result, errno);
    }
    if (!freed) printf("%d\n", each.to_memory ? changed(block) : arrived(each, offset));
  }
  return 0;
}

// From before a block that fills its slot's pages, and is the first of its size.
int transfer_before_first(int, char**) {
  void* block = nullptr;
  if (!connect_ends() || posix_memalign(&block, 64, 65536) != 0) return 3;
  printf("%zd\n", write(here, static_cast<char*>(block) - 8, 8));
  return 0;
}

// A length that only a wild number has.
int transfer_wildly(int, char**) {
  if (!connect_ends()) return 3;
  void* block = nullptr;
  if (posix_memalign(&block, 64, kBlock) != 0) return 3;
  memset(block, 'x', kBlock);
  shutdown(there, SHUT_RD);
  printf("%zd\n", read(here, block, size_t{1} << 60));
  printf("%zd\n", write(-1, block, size_t{1} << 40));
  printf("%d\n", errno);
  printf("%zd\n", getrandom(block, 10, 0));
  return 0;
}

}  // namespace

const Command kTransferCommands[] = {
    {"transfer", &transfer},
    {"transfer-before-first", &transfer_before_first},
    {"transfer-wildly", &transfer_wildly},
    {nullptr, nullptr},
};

}  // namespace segwhy::runtime::testing
