#include "capture/file_memory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/fd.h"

namespace segwhy {
namespace {

// Empty when the file is not, or no more, what was mapped.
Fd open_mapped(const Mapping& mapping) {
  if (mapping.path.empty() || mapping.path.front() != '/' || mapping.deleted || mapping.writable) return {};
  Fd file(::open(mapping.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info {};
  const bool same = file && ::fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode) && info.st_ino == mapping.inode;
  return same ? std::move(file) : Fd();
}

}  // namespace

std::size_t FileMemory::read(TargetAddr from, std::span<std::byte> out) {
  const auto after = std::upper_bound(mappings_.begin(), mappings_.end(), from,
                                      [](TargetAddr a, const Mapping& m) { return a < m.start; });
  if (after == mappings_.begin() || !std::prev(after)->contains(from)) return 0;
  const Mapping& mapping = *std::prev(after);
  const Fd file = open_mapped(mapping);
  if (!file) return 0;
  const auto room = std::min<std::uint64_t>(out.size(), mapping.end - from);
  const auto offset = static_cast<off_t>(mapping.file_offset + (from - mapping.start));
  ssize_t got = 0;
  do {
    got = ::pread(file.get(), out.data(), static_cast<std::size_t>(room), offset);
  } while (got < 0 && errno == EINTR);
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

}  // namespace segwhy
