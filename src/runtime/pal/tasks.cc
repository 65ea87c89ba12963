#include "runtime/pal/tasks.h"

#include <fcntl.h>
#include <string.h>

#include "runtime/pal/syscall.h"

namespace segwhy::runtime::pal {
namespace {

// struct linux_dirent64, whose name follows the fixed part.
struct DirectoryEntry {
  uint64_t inode;
  int64_t offset;
  uint16_t length;
  uint8_t type;
};
constexpr size_t kNameOffset = offsetof(DirectoryEntry, type) + 1;

// The number `name` spells, 0 for anything else ("." and "..").
[[nodiscard]] uint32_t parse_tid(const char* name) {
  uint32_t tid = 0;
  for (; *name >= '0' && *name <= '9'; ++name) tid = tid * 10 + static_cast<uint32_t>(*name - '0');
  return *name == '\0' ? tid : 0;
}

constexpr long kMostPath = 512;

// The file that `link` (/proc/.../exe) leads to; 0 when it cannot be read or is too long to be sure of.
[[nodiscard]] long read_link(const char* link, char* path) {
  const long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, kMostPath);
  return length > 0 && length < kMostPath ? length : 0;
}

// "/proc/PID/exe" into `out`.
void exe_link(uint32_t pid, char* out) {
  char digits[10];
  size_t count = 0;
  for (; pid != 0; pid /= 10) digits[count++] = static_cast<char>('0' + pid % 10);
  out = static_cast<char*>(mempcpy(out, "/proc/", 6));
  while (count > 0) *out++ = digits[--count];
  memcpy(out, "/exe", 5);
}

}  // namespace

bool runs_same_program(uint32_t pid) {
  char link[32];
  char own[kMostPath];
  char other[kMostPath];
  exe_link(pid, link);
  const long own_length = read_link("/proc/self/exe", own);
  const long other_length = read_link(link, other);
  if (own_length == 0 || other_length == 0) return true;
  return own_length == other_length && memcmp(own, other, static_cast<size_t>(own_length)) == 0;
}

size_t list_threads(uint32_t* tids, size_t capacity) {
  const long fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return 0;
  size_t count = 0;
  alignas(DirectoryEntry) char buffer[2048];
  for (long bytes = 0; (bytes = syscall(SYS_getdents64, fd, static_cast<char*>(buffer), sizeof buffer)) > 0;) {
    for (long at = 0; at < bytes && count < capacity;) {
      const auto* entry = reinterpret_cast<const DirectoryEntry*>(buffer + at);
      const uint32_t tid = parse_tid(buffer + at + kNameOffset);
      if (tid != 0) tids[count++] = tid;
      at += entry->length;
    }
  }
  syscall(SYS_close, fd);
  return count;
}

}  // namespace segwhy::runtime::pal
