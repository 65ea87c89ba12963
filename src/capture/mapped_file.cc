#include <sys/stat.h>
#include <sys/vfs.h>

#include "capture/environment.h"
#include "capture/machine_text.h"
#include "elf/elf_file.h"

namespace segwhy {
namespace {

bool is_in_kernel_tmpfs(const std::string& path) {
  // Files without a directory: they live in tmpfs mounts of the kernel's own.
  return path.starts_with("/memfd:") || path.starts_with("/SYSV");
}

// Of the file, or of the nearest directory above it that still exists (deleted files).
std::string filesystem_of(std::string path) {
  for (;;) {
    struct statfs info {};
    if (::statfs(path.c_str(), &info) == 0) return filesystem_name(static_cast<std::uint64_t>(info.f_type));
    const auto slash = path.rfind('/');
    if (slash == std::string::npos || slash == 0) return {};
    path.resize(slash);
  }
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
  mapping.filesystem = filesystem_of(path);
  // The name of a deleted file may lead to another file by now.
  struct stat info {};
  if (mapping.deleted || ::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return;
  mapping.file_size = static_cast<std::uint64_t>(info.st_size);
  mapping.section = section_of(mapping, path, address);
}

}  // namespace segwhy
