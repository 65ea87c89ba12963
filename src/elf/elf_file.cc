#include "elf/elf_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "elf/notes.h"

namespace segwhy {
namespace {

// What a core is often packed with, told apart by its first bytes.
std::string packer_of(ByteView start) {
  const auto word = start.at<std::uint32_t>(0).value_or(0);
  if (word == 0xFD2FB528) return "zstd";
  if (word == 0x184D2204) return "lz4";
  if ((word & 0xFFFF) == 0x8B1F) return "gzip";
  if (word == 0x587A37FD) return "xz";
  if ((word & 0xFFFFFF) == 0x685A42) return "bzip2";
  return {};
}

std::string segment_name(const Elf64_Phdr& segment) {
  std::string name = "LOAD ";
  name += (segment.p_flags & PF_R) != 0 ? 'r' : '-';
  name += (segment.p_flags & PF_W) != 0 ? 'w' : '-';
  name += (segment.p_flags & PF_X) != 0 ? 'x' : '-';
  return name;
}

std::uint64_t overlap(std::uint64_t a_begin, std::uint64_t a_size, std::uint64_t b_begin, std::uint64_t b_end) {
  const std::uint64_t a_end = a_begin + std::min(a_size, UINT64_MAX - a_begin);
  const std::uint64_t begin = std::max(a_begin, b_begin);
  const std::uint64_t end = std::min(a_end, b_end);
  return begin < end ? end - begin : 0;
}

}  // namespace

Result<Elf64_Ehdr> parse_elf_header(ByteView file_start, const std::string& name) {
  const auto ident = file_start.field(0, EI_NIDENT);
  if (!ident || file_start.at<std::uint32_t>(0) != 0x464C457FU) {
    const std::string packer = packer_of(file_start);
    if (packer.empty()) return fail(name + " is not an ELF file");
    return fail(name + " is compressed (" + packer + ")", "unpack it with " + packer + " -d first");
  }
  const auto byte = [&](std::size_t i) { return file_start.at<std::uint8_t>(i).value_or(0); };
  if (byte(EI_CLASS) == ELFCLASS32) return fail(name + " is a 32-bit ELF file: only 64-bit x86-64 is supported");
  if (byte(EI_CLASS) != ELFCLASS64 || byte(EI_DATA) != ELFDATA2LSB) {
    return fail(name + " is not a little-endian 64-bit ELF file");
  }
  const auto header = file_start.at<Elf64_Ehdr>(0);
  if (!header) return fail(name + " ends within its ELF header");
  if (header->e_machine != EM_X86_64) {
    return fail(name + " is for another CPU (ELF machine " + std::to_string(header->e_machine) +
                "): only x86-64 is supported");
  }
  return *header;
}

std::vector<Elf64_Phdr> parse_segments(ByteView table) {
  std::vector<Elf64_Phdr> out;
  out.reserve(table.size() / sizeof(Elf64_Phdr));
  for (std::size_t at = 0; const auto entry = table.at<Elf64_Phdr>(at); at += sizeof(Elf64_Phdr)) {
    out.push_back(*entry);
  }
  return out;
}

Result<ElfFile> ElfFile::open(const std::string& path) {
  ElfFile file;
  file.path_ = path;
  // O_NONBLOCK: a path that names a FIFO must not hang us; it has no effect on regular files.
  file.fd_ = Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.fd_) return fail_errno("open " + path, errno);
  struct stat info {};
  if (::fstat(file.fd_.get(), &info) != 0) return fail_errno("stat " + path, errno);
  if (!S_ISREG(info.st_mode)) return fail(path + " is not a regular file");
  file.size_ = static_cast<std::uint64_t>(info.st_size);
  std::array<std::byte, sizeof(Elf64_Ehdr)> start{};
  const std::size_t got = file.read(0, start);
  auto header = parse_elf_header(ByteView(std::span(start).first(got)), path);
  if (!header) return tl::unexpected<Error>(header.error());
  file.header_ = *header;
  if (file.header_.e_phnum != 0 && file.header_.e_phentsize != sizeof(Elf64_Phdr)) {
    return fail(path + " has program headers of an unknown size");
  }
  const auto table = file.bytes(file.header_.e_phoff, file.segment_count() * sizeof(Elf64_Phdr));
  file.segments_ = parse_segments(ByteView(table));
  return file;
}

std::uint64_t ElfFile::segment_count() const {
  if (header_.e_phnum != PN_XNUM) return header_.e_phnum;
  // 65535 segments and more: the true count is in the first section header.
  const auto first = bytes(header_.e_shoff, sizeof(Elf64_Shdr));
  const auto section = ByteView(first).at<Elf64_Shdr>(0);
  return section ? section->sh_info : 0;
}

std::vector<ElfSection> ElfFile::sections() const {
  if (header_.e_shoff == 0 || header_.e_shentsize != sizeof(Elf64_Shdr)) return {};
  const auto table = bytes(header_.e_shoff, std::uint64_t{header_.e_shnum} * sizeof(Elf64_Shdr));
  const auto section_at = [&](std::uint64_t i) { return ByteView(table).at<Elf64_Shdr>(i * sizeof(Elf64_Shdr)); };
  const auto names_header = section_at(header_.e_shstrndx);
  if (!names_header) return {};
  const auto names = bytes(names_header->sh_offset, names_header->sh_size);
  std::vector<ElfSection> out;
  for (std::uint64_t i = 0; const auto entry = section_at(i); ++i) {
    out.push_back({std::string(ByteView(names).c_string(entry->sh_name).value_or("")), entry->sh_type, entry->sh_flags,
                   entry->sh_addr, entry->sh_offset, entry->sh_size});
  }
  return out;
}

std::string ElfFile::build_id() const {
  constexpr std::uint64_t kMaxNotes = 1 << 20;
  for (const Elf64_Phdr& segment : segments_) {
    if (segment.p_type != PT_NOTE) continue;
    const auto notes = bytes(segment.p_offset, segment.p_filesz, kMaxNotes);
    std::string id = build_id_of(ByteView(notes), segment.p_align);
    if (!id.empty()) return id;
  }
  return {};
}

std::size_t ElfFile::read(std::uint64_t offset, std::span<std::byte> out) const {
  std::size_t done = 0;
  while (done < out.size() && offset < size_) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(out.size() - done, size_ - offset));
    const ssize_t got = ::pread(fd_.get(), out.data() + done, want, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
    offset += static_cast<std::uint64_t>(got);
  }
  return done;
}

std::vector<std::byte> ElfFile::bytes(std::uint64_t offset, std::uint64_t size, std::uint64_t max) const {
  if (offset >= size_) return {};
  std::vector<std::byte> out(static_cast<std::size_t>(std::min({size, max, size_ - offset})));
  out.resize(read(offset, out));
  return out;
}

std::string describe_file_range(const ElfFile& file, std::uint64_t begin, std::uint64_t end,
                                std::optional<std::uint64_t> file_offset) {
  if (file_offset) {
    begin = *file_offset;
    end = begin + 1;
  }
  std::string best;
  std::uint64_t most = 0;
  for (const ElfSection& section : file.sections()) {
    if ((section.flags & SHF_ALLOC) == 0 || section.type == SHT_NOBITS) continue;
    const std::uint64_t shared = overlap(section.offset, section.size, begin, end);
    if (shared > most) {
      most = shared;
      best = section.name;
    }
  }
  if (!best.empty()) return best;
  for (const Elf64_Phdr& segment : file.segments()) {
    if (segment.p_type != PT_LOAD) continue;
    const std::uint64_t shared = overlap(segment.p_offset, segment.p_filesz, begin, end);
    if (shared > most) {
      most = shared;
      best = segment_name(segment);
    }
  }
  return best;
}

}  // namespace segwhy
