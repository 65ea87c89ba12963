#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <filesystem>

#include "base/fd.h"
#include "capture/environment.h"
#include "capture/machine_text.h"
#include "elf/elf_file.h"

namespace segwhy {
namespace {

bool is_in_kernel_tmpfs(const std::string& path) {
  // Files without a directory: they live in tmpfs mounts of the kernel's own.
  return path.starts_with("/memfd:") || path.starts_with("/SYSV");
}

void set_filesystem(MappingInfo& mapping, const struct statfs& info) {
  mapping.filesystem = filesystem_name(static_cast<std::uint64_t>(info.f_type));
  mapping.filesystem_free = static_cast<std::uint64_t>(info.f_bavail) * static_cast<std::uint64_t>(info.f_bsize);
}

// Of the file, or of the nearest directory above it that still exists (deleted files).
void describe_filesystem(MappingInfo& mapping, std::string path) {
  for (;;) {
    struct statfs info {};
    if (::statfs(path.c_str(), &info) == 0) return set_filesystem(mapping, info);
    const auto slash = path.rfind('/');
    if (slash == std::string::npos || slash == 0) return;
    path.resize(slash);
  }
}

// A descriptor that stands for the file itself: a link of /proc leads to it even when it has no name.
Fd open_link(const std::string& link) {
  return Fd(::open(link.c_str(), O_PATH | O_CLOEXEC));
}

bool is_regular(const Fd& file, struct stat& info) {
  return file && ::fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode);
}

bool is_mapped_file(const struct stat& info, const Mapping& mapping) {
  const std::uint64_t device = std::uint64_t{major(info.st_dev)} << 32 | minor(info.st_dev);  // as maps.cc has it
  return info.st_ino == mapping.inode && device == mapping.device;
}

// Null when no descriptor of the process is open on the mapped file.
Fd open_through_descriptors(const Mapping& mapping, int pid, struct stat& info) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", pid), error)) {
    Fd file = open_link(entry.path());
    if (is_regular(file, info) && is_mapped_file(info, mapping)) return file;
  }
  return {};
}

std::string section_of(const MappingInfo& mapping, const std::string& path, std::optional<Address> address) {
  const auto file = ElfFile::open(path);
  if (!file) return {};
  std::optional<std::uint64_t> offset;
  const bool inside = address && *address >= mapping.start && *address < mapping.end;
  if (inside) offset = mapping.file_offset + (*address - mapping.start);
  return describe_file_range(*file, mapping.file_offset, mapping.file_offset + (mapping.end - mapping.start), offset);
}

}  // namespace

void describe_mapped_file(MappingInfo& mapping, const std::string& root, std::optional<Address> address) {
  if (mapping.path.empty() || mapping.path.front() != '/') return;
  if (is_in_kernel_tmpfs(mapping.path)) {
    mapping.filesystem = "tmpfs";
    return;
  }
  const std::string path = root + mapping.path;
  describe_filesystem(mapping, path);
  // The name of a deleted file may lead to another file by now.
  struct stat info {};
  if (mapping.deleted || ::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return;
  mapping.file_size = static_cast<std::uint64_t>(info.st_size);
  mapping.section = section_of(mapping, path, address);
}

void describe_nameless_file(MappingInfo& info, const Mapping& mapping, int pid) {
  if (mapping.inode == 0) return;
  struct stat file_info {};
  Fd file = open_link(fmt::format("/proc/{}/map_files/{:x}-{:x}", pid, mapping.start.value(), mapping.end.value()));
  if (!is_regular(file, file_info)) file = open_through_descriptors(mapping, pid, file_info);
  if (!file) return;
  info.file_size = static_cast<std::uint64_t>(file_info.st_size);
  struct statfs system {};
  if (::fstatfs(file.get(), &system) == 0) set_filesystem(info, system);
}

}  // namespace segwhy
