#include "monitor/program_image.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "base/fd.h"
#include "base/text.h"

namespace segwhy {
namespace {

// The kernel follows this many "#!" lines (fs/exec.c).
constexpr int kMaxInterpreterDepth = 4;
// BINPRM_BUF_SIZE: what the kernel reads of a file to see what it is.
constexpr std::size_t kHeadBytes = 256;
constexpr std::size_t kMaxProgramHeaders = 128;

std::string read_at(int fd, std::uint64_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  const ssize_t got = ::pread(fd, bytes.data(), size, static_cast<off_t>(offset));
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

// Programs that run with more rights than the user's: the linker ignores LD_PRELOAD there.
std::optional<std::string> rights_obstacle(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return std::nullopt;
  if ((status.st_mode & S_ISUID) != 0 && status.st_uid != ::getuid()) return "is a setuid program";
  if ((status.st_mode & S_ISGID) != 0 && status.st_gid != ::getgid()) return "is a setgid program";
  if (::getuid() != 0 && ::fgetxattr(fd, "security.capability", nullptr, 0) > 0) return "has file capabilities";
  return std::nullopt;
}

// The interpreter named by PT_INTERP; empty for a static program.
std::string elf_interpreter(int fd, const Elf64_Ehdr& header) {
  const std::size_t count = std::min<std::size_t>(header.e_phnum, kMaxProgramHeaders);
  if (header.e_phentsize != sizeof(Elf64_Phdr)) return {};
  const std::string table = read_at(fd, header.e_phoff, count * sizeof(Elf64_Phdr));
  for (std::size_t at = 0; at + sizeof(Elf64_Phdr) <= table.size(); at += sizeof(Elf64_Phdr)) {
    Elf64_Phdr segment;
    std::memcpy(&segment, table.data() + at, sizeof segment);
    if (segment.p_type == PT_INTERP) {
      const std::string name = read_at(fd, segment.p_offset, std::min<std::uint64_t>(segment.p_filesz, 4096));
      return name.substr(0, name.find('\0'));
    }
  }
  return {};
}

std::optional<std::string> elf_obstacle(int fd, std::string_view head) {
  if (head.size() < sizeof(Elf64_Ehdr) || head[EI_CLASS] != ELFCLASS64) return "is not a 64-bit program";
  Elf64_Ehdr header;
  std::memcpy(&header, head.data(), sizeof header);
  if (header.e_machine != EM_X86_64) return "is not an x86-64 program";
  const std::string interpreter = elf_interpreter(fd, header);
  if (interpreter.empty()) return "is statically linked";
  if (interpreter.find("ld-musl") != std::string::npos) return "is a musl program";
  return std::nullopt;
}

// "#!  /usr/bin/env python3\n" -> "/usr/bin/env"
std::string script_interpreter(std::string_view head) {
  std::string_view line = head.substr(2, head.find('\n') == std::string_view::npos ? head.npos : head.find('\n') - 2);
  line = trim(line);
  return std::string(line.substr(0, line.find_first_of(" \t")));
}

}  // namespace

std::optional<std::string> preload_obstacle(const std::string& path) {
  std::string current = path;
  for (int depth = 0; depth <= kMaxInterpreterDepth; ++depth) {
    const Fd fd(::open(current.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return std::nullopt;
    const std::string head = read_at(fd.get(), 0, kHeadBytes);
    if (head.starts_with("#!")) {
      current = script_interpreter(head);
      continue;
    }
    if (const auto rights = rights_obstacle(fd.get())) return rights;
    if (!head.starts_with(ELFMAG)) return std::nullopt;  // the shell runs it
    return elf_obstacle(fd.get(), head);
  }
  return std::nullopt;
}

}  // namespace segwhy
