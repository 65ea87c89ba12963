#include "capture/core_memory.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/fd.h"
#include "elf/notes.h"

namespace segwhy {

// A mapped file as found now.
struct CoreMemory::Backing {
  Fd fd;  // empty: not to be used
  std::uint64_t size = 0;
};

namespace {

// Object notes are small; a larger segment is damage.
constexpr std::uint64_t kMaxNotes = 1 << 16;

}  // namespace

CoreMemory::CoreMemory(const ElfFile& core, const std::vector<Mapping>& mappings) : core_(core), mappings_(mappings) {
  std::copy_if(core.segments().begin(), core.segments().end(), std::back_inserter(loads_), [](const Elf64_Phdr& s) {
    return s.p_type == PT_LOAD && s.p_filesz > 0 && s.p_vaddr <= UINT64_MAX - s.p_filesz;
  });
  std::sort(loads_.begin(), loads_.end(), [](const auto& a, const auto& b) { return a.p_vaddr < b.p_vaddr; });
}

CoreMemory::~CoreMemory() = default;

std::size_t CoreMemory::read(TargetAddr from, std::span<std::byte> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const std::size_t got = read_once(from + done, out.subspan(done));
    if (got == 0) break;
    done += got;
  }
  return done;
}

// From one source, up to its end.
std::size_t CoreMemory::read_once(TargetAddr from, std::span<std::byte> out) {
  const std::size_t got = read_core(from, out);
  if (got > 0) return got;
  const auto after = std::upper_bound(mappings_.begin(), mappings_.end(), from,
                                      [](TargetAddr a, const Mapping& m) { return a < m.start; });
  if (after == mappings_.begin() || !std::prev(after)->contains(from)) return 0;
  const Mapping& mapping = *std::prev(after);
  // Up to the next thing that the core holds, or the end of the mapping.
  std::uint64_t room = mapping.end - from;
  const auto load = std::upper_bound(loads_.begin(), loads_.end(), from.value(),
                                     [](std::uint64_t a, const Elf64_Phdr& s) { return a < s.p_vaddr; });
  if (load != loads_.end()) room = std::min(room, load->p_vaddr - from.value());
  return read_file(mapping, from, out.first(static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), room))));
}

std::size_t CoreMemory::read_core(TargetAddr from, std::span<std::byte> out) const {
  const std::uint64_t at = from.value();
  const auto after = std::upper_bound(loads_.begin(), loads_.end(), at,
                                      [](std::uint64_t a, const Elf64_Phdr& s) { return a < s.p_vaddr; });
  if (after == loads_.begin()) return 0;
  const Elf64_Phdr& load = *std::prev(after);
  const std::uint64_t skip = at - load.p_vaddr;
  if (skip >= load.p_filesz || load.p_offset > UINT64_MAX - load.p_filesz) return 0;
  const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), load.p_filesz - skip));
  return core_.read(load.p_offset + skip, out.first(n));
}

std::size_t CoreMemory::read_file(const Mapping& mapping, TargetAddr from, std::span<std::byte> out) {
  // Private pages that were written to are in the core; a writable mapping whose pages are not was excluded from it.
  if (mapping.path.empty() || mapping.path.front() != '/' || mapping.deleted || mapping.writable) return 0;
  const Backing& file = backing(mapping);
  const std::uint64_t offset = mapping.file_offset + (from - mapping.start);
  if (!file.fd || offset >= file.size) return 0;
  const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), file.size - offset));
  ssize_t got = 0;
  do {
    got = ::pread(file.fd.get(), out.data(), n, static_cast<off_t>(offset));
  } while (got < 0 && errno == EINTR);
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

const CoreMemory::Backing& CoreMemory::backing(const Mapping& mapping) {
  auto& slot = files_[mapping.path];
  if (slot) return *slot;
  slot = std::make_unique<Backing>();
  Fd fd(::open(mapping.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return *slot;
  slot->size = static_cast<std::uint64_t>(info.st_size);
  std::string mapped_id;
  for (const Mapping& m : mappings_) {
    if (m.path != mapping.path) continue;
    // A mapping's last page may reach past the end of the file; a whole page past it tells of another file.
    constexpr std::uint64_t kPage = 4096;
    if (m.file_offset + (m.end - m.start) >= slot->size + kPage) return *slot;
    if (m.file_offset == 0 && mapped_id.empty()) mapped_id = build_id_in_core(m);
  }
  if (!mapped_id.empty()) {
    const auto object = ElfFile::open(mapping.path);
    if (!object || object->build_id() != mapped_id) return *slot;
  }
  slot->fd = std::move(fd);
  return *slot;
}

// Build-id of the object whose first page is mapped by `first`, as far as the core holds it.
std::string CoreMemory::build_id_in_core(const Mapping& first) const {
  std::vector<std::byte> start(4096);
  start.resize(read_core(first.start, start));
  const auto header = parse_elf_header(ByteView(start), first.path);
  if (!header || header->e_phentsize != sizeof(Elf64_Phdr)) return {};
  const auto table = ByteView(start).slice(header->e_phoff, std::uint64_t{header->e_phnum} * sizeof(Elf64_Phdr));
  if (!table) return {};
  for (const Elf64_Phdr& segment : parse_segments(*table)) {
    if (segment.p_type != PT_NOTE || segment.p_filesz > kMaxNotes) continue;
    std::vector<std::byte> notes(static_cast<std::size_t>(segment.p_filesz));
    notes.resize(read_core(first.start + segment.p_offset, notes));
    std::string id = build_id_of(ByteView(notes), segment.p_align);
    if (!id.empty()) return id;
  }
  return {};
}

std::vector<std::string> CoreMemory::unusable_files() {
  std::vector<std::string> out;
  for (const Mapping& m : mappings_) {
    if (m.path.empty() || m.path.front() != '/' || !m.executable || backing(m).fd) continue;
    if (std::find(out.begin(), out.end(), m.path) == out.end()) out.push_back(m.path);
  }
  return out;
}

}  // namespace segwhy
