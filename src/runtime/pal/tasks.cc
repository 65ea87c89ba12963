#include "runtime/pal/tasks.h"

#include <fcntl.h>

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

}  // namespace

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
