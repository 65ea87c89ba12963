#include "dwarf/elf_image.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/byte_view.h"
#include "base/fd.h"
#include "elf/elf_file.h"
#include "elf/notes.h"

namespace segwhy {
namespace {

constexpr std::uint64_t kPage = 4096;
// A larger object whose file is gone is not copied out of memory: it would cost more than its names are worth.
constexpr std::uint64_t kMaxMemoryImage = std::uint64_t{64} << 20;
// Beyond any real object; a larger count is garbage.
constexpr std::size_t kMaxSegments = 256;

std::vector<Elf64_Phdr> program_headers(ByteSpan bytes, const Elf64_Ehdr& header) {
  if (header.e_phoff > bytes.size() || header.e_phnum > kMaxSegments) return {};
  const ByteSpan rest = bytes.subspan(header.e_phoff);
  return parse_segments(ByteView(rest.first(std::min(rest.size(), header.e_phnum * sizeof(Elf64_Phdr)))));
}

// Link-time address of the page that file offset 0 is mapped from: the object's start minus this is the bias.
std::uint64_t first_page(const std::vector<Elf64_Phdr>& segments) {
  for (const Elf64_Phdr& s : segments) {
    if (s.p_type == PT_LOAD && s.p_offset < kPage) return s.p_vaddr - s.p_offset;
  }
  return 0;
}

// Leading bytes of the object as mapped: ELF header, program headers and usually the build-id.
std::vector<std::byte> mapped_head(const Snapshot& snapshot, const MappedObject& object) {
  std::vector<std::byte> head(kPage);
  head.resize(snapshot.memory->read(object.start, head));
  return head;
}

// Whether the file is the one that was mapped: same header, segments and whatever notes share the first page. A
// replaced library differs in its segments' sizes even without a build-id.
bool same_object(ByteSpan file, ByteSpan head) {
  const auto header = parse_elf_header(ByteView(head), "what is mapped");
  if (!header || header->e_phoff > kPage || header->e_phnum > kMaxSegments) return false;
  const std::size_t headers = header->e_phoff + header->e_phnum * sizeof(Elf64_Phdr);
  const std::size_t size = std::max(std::min(headers, head.size()), std::min<std::size_t>(head.size(), 1024));
  return file.size() >= size &&
         std::equal(head.begin(), head.begin() + static_cast<std::ptrdiff_t>(size), file.begin());
}

}  // namespace

std::string_view string_at(ByteSpan table, std::uint64_t offset) {
  return ByteView(table).c_string(offset).value_or(std::string_view{});
}

void ElfImage::Unmap::operator()(const std::byte* p) const {
  ::munmap(const_cast<std::byte*>(p), size);
}

Result<ElfImage> ElfImage::open_file(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return fail_errno("open " + path, errno);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return fail_errno("stat " + path, errno);
  if (!S_ISREG(info.st_mode) || info.st_size <= 0) return fail("read " + path + ": not an ELF file");
  const auto size = static_cast<std::size_t>(info.st_size);
  void* at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (at == MAP_FAILED) return fail_errno("map " + path, errno);

  ElfImage image;
  image.mapping_ = {static_cast<const std::byte*>(at), Unmap{size}};
  image.bytes_ = ByteSpan(image.mapping_.get(), size);
  image.file_path_ = path;
  if (Status parsed = image.parse(path); !parsed) return tl::unexpected(parsed.error());
  return image;
}

Result<ElfImage> ElfImage::open(const Snapshot& snapshot, const MappedObject& object) {
  const bool has_file = !object.deleted && object.path.starts_with('/');
  if (has_file) {
    auto image = open_file(snapshot.root + object.path);
    if (image && same_object(image->bytes_, mapped_head(snapshot, object))) {
      image->bias_ = object.start.value() - first_page(image->segments_);
      return image;
    }
  }
  return from_memory(snapshot, object);
}

Result<ElfImage> ElfImage::from_memory(const Snapshot& snapshot, const MappedObject& object) {
  const std::string name = object.path + " in memory";
  const std::vector<std::byte> head = mapped_head(snapshot, object);
  const auto header = parse_elf_header(ByteView(head), name);
  if (!header) return tl::unexpected(header.error());
  const std::vector<Elf64_Phdr> segments = program_headers(head, *header);
  const std::uint64_t bias = object.start.value() - first_page(segments);

  std::uint64_t size = head.size();
  for (const Elf64_Phdr& s : segments) {
    if (s.p_type != PT_LOAD) continue;
    if (s.p_offset > kMaxMemoryImage || s.p_filesz > kMaxMemoryImage) return fail("read " + name + ": too large");
    size = std::max(size, s.p_offset + s.p_filesz);
  }
  if (size > kMaxMemoryImage) return fail("read " + name + ": too large");

  ElfImage image;
  image.copy_.resize(size);
  for (const Elf64_Phdr& s : segments) {
    // A part that cannot be read stays zero: what depends on it finds nothing.
    if (s.p_type == PT_LOAD) {
      (void)snapshot.memory->read(TargetAddr(s.p_vaddr + bias), std::span(image.copy_).subspan(s.p_offset, s.p_filesz));
    }
  }
  Elf64_Ehdr without_sections = *header;
  without_sections.e_shoff = 0;
  without_sections.e_shnum = 0;
  without_sections.e_shstrndx = SHN_UNDEF;
  std::memcpy(image.copy_.data(), &without_sections, sizeof without_sections);
  image.bytes_ = image.copy_;
  image.bias_ = bias;
  if (Status parsed = image.parse(name); !parsed) return tl::unexpected(parsed.error());
  return image;
}

Status ElfImage::parse(const std::string& name) {
  const auto header = parse_elf_header(ByteView(bytes_), name);
  if (!header) return tl::unexpected(header.error());
  segments_ = program_headers(bytes_, *header);
  if (header->e_shoff != 0 && header->e_shentsize == sizeof(Elf64_Shdr)) {
    const ByteSpan table = slice(header->e_shoff, std::uint64_t{header->e_shnum} * sizeof(Elf64_Shdr));
    for (std::size_t i = 0; i < table.size() / sizeof(Elf64_Shdr); ++i) {
      sections_.push_back(table_entry<Elf64_Shdr>(table, i));
    }
    if (header->e_shstrndx < sections_.size()) section_names_ = contents(sections_[header->e_shstrndx]);
  }
  elf_version(EV_CURRENT);
  if (mapping_ && !make_writable(header->e_shoff, std::uint64_t{header->e_shnum} * sizeof(Elf64_Shdr))) {
    return fail_errno("map " + name, errno);
  }
  auto* image = reinterpret_cast<char*>(const_cast<std::byte*>(bytes_.data()));
  elf_.reset(elf_memory(image, bytes_.size()));
  if (!elf_) return fail("read " + name + ": " + elf_errmsg(-1));
  return {};
}

// libelf uses the section headers in place and writes to them when it inflates a compressed debug section. Only their
// pages: a private writable mapping of a whole framework would count against the commit limit.
bool ElfImage::make_writable(std::uint64_t offset, std::uint64_t size) {
  if (slice(offset, size).empty()) return true;
  const std::uint64_t begin = offset & ~(kPage - 1);
  auto* at = const_cast<std::byte*>(bytes_.data()) + begin;
  return ::mprotect(at, offset + size - begin, PROT_READ | PROT_WRITE) == 0;
}

ByteSpan ElfImage::slice(std::uint64_t offset, std::uint64_t size) const {
  if (offset > bytes_.size() || size > bytes_.size() - offset) return {};
  return bytes_.subspan(offset, size);
}

std::string_view ElfImage::section_name(const Elf64_Shdr& section) const {
  return string_at(section_names_, section.sh_name);
}

const Elf64_Shdr* ElfImage::section(std::string_view name) const {
  const auto it =
      std::find_if(sections_.begin(), sections_.end(), [&](const Elf64_Shdr& s) { return section_name(s) == name; });
  return it == sections_.end() ? nullptr : &*it;
}

const Elf64_Shdr* ElfImage::section_of(std::uint64_t address) const {
  for (const Elf64_Shdr& s : sections_) {
    const bool thread_local_bss = s.sh_type == SHT_NOBITS && (s.sh_flags & SHF_TLS) != 0;
    if ((s.sh_flags & SHF_ALLOC) == 0 || thread_local_bss) continue;
    if (address >= s.sh_addr && address - s.sh_addr < s.sh_size) return &s;
  }
  return nullptr;
}

ByteSpan ElfImage::contents(const Elf64_Shdr& section) const {
  if (section.sh_type == SHT_NOBITS || (section.sh_flags & SHF_COMPRESSED) != 0) return {};
  return slice(section.sh_offset, section.sh_size);
}

ByteSpan ElfImage::from_address(std::uint64_t address) const {
  for (const Elf64_Phdr& s : segments_) {
    if (s.p_type != PT_LOAD || address < s.p_vaddr || address - s.p_vaddr >= s.p_filesz) continue;
    const std::uint64_t skip = address - s.p_vaddr;
    return slice(s.p_offset + skip, s.p_filesz - skip);
  }
  return {};
}

ByteSpan ElfImage::at_address(std::uint64_t address, std::uint64_t size) const {
  const ByteSpan rest = from_address(address);
  return size <= rest.size() ? rest.first(size) : ByteSpan{};
}

std::string ElfImage::build_id() const {
  for (const Elf64_Phdr& s : segments_) {
    if (s.p_type != PT_NOTE) continue;
    if (std::string id = build_id_of(ByteView(slice(s.p_offset, s.p_filesz)), s.p_align); !id.empty()) return id;
  }
  return {};
}

// glibc relocates the dynamic section of a loaded object in place: in a memory image its addresses carry the bias.
std::uint64_t ElfImage::link_address(std::uint64_t dynamic_value) const {
  const bool relocated = file_path_.empty() && bias_ != 0 && dynamic_value >= bias_;
  return relocated ? dynamic_value - bias_ : dynamic_value;
}

DynamicInfo ElfImage::dynamic() const {
  DynamicInfo out;
  const auto segment =
      std::find_if(segments_.begin(), segments_.end(), [](const Elf64_Phdr& s) { return s.p_type == PT_DYNAMIC; });
  if (segment == segments_.end()) return out;
  const ByteSpan table = slice(segment->p_offset, segment->p_filesz);
  std::vector<std::uint64_t> needed;
  std::optional<std::uint64_t> soname;
  for (std::size_t i = 0; i < table.size() / sizeof(Elf64_Dyn); ++i) {
    const auto entry = table_entry<Elf64_Dyn>(table, i);
    if (entry.d_tag == DT_NULL) break;
    if (entry.d_tag == DT_NEEDED) needed.push_back(entry.d_un.d_val);
    if (entry.d_tag == DT_SONAME) soname = entry.d_un.d_val;
    if (entry.d_tag == DT_SYMTAB) out.symbols = link_address(entry.d_un.d_ptr);
    if (entry.d_tag == DT_STRTAB) out.strings = link_address(entry.d_un.d_ptr);
    if (entry.d_tag == DT_STRSZ) out.strings_size = entry.d_un.d_val;
    if (entry.d_tag == DT_GNU_HASH) out.gnu_hash = link_address(entry.d_un.d_ptr);
  }
  const ByteSpan strings = at_address(out.strings, out.strings_size);
  for (const std::uint64_t offset : needed) out.needed.emplace_back(string_at(strings, offset));
  if (soname) out.soname = string_at(strings, *soname);
  return out;
}

}  // namespace segwhy
