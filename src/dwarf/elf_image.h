// ElfImage: the bytes of one ELF object (x86-64, little-endian) in file layout, and checked views into them.
//
// The file itself, mapped read-only (hundreds of megabytes cost nothing until touched), when what the process has
// mapped is that file; otherwise (vDSO, deleted or replaced file) rebuilt from target memory, without section headers.
// Owns its bytes and the libelf handle; can be moved from, not assigned. Every offset in the file is checked: a view
// that does not fit is empty. Not thread-safe. A file that is truncated while it is mapped here ends the process with
// SIGBUS, as with every ELF reader; libraries are replaced by renaming, not in place, by all package managers.
#pragma once

#include <elf.h>
#include <libelf.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dwarf/mapped_object.h"

namespace segwhy {

using ByteSpan = std::span<const std::byte>;

// The i-th T of a table in a file, which need not be aligned. i is in range by the caller's loop bound.
template <class T>
[[nodiscard]] T table_entry(ByteSpan table, std::size_t i) {
  T out;
  std::memcpy(&out, table.data() + i * sizeof(T), sizeof(T));
  return out;
}

// The NUL-terminated string at `offset` of a string table; empty when out of range or not terminated.
[[nodiscard]] std::string_view string_at(ByteSpan table, std::uint64_t offset);

// What the dynamic section says; addresses are link-time ones, 0 when absent.
struct DynamicInfo {
  std::string soname;
  std::vector<std::string> needed;
  std::uint64_t symbols = 0, strings = 0, strings_size = 0, gnu_hash = 0;
};

class ElfImage {
 public:
  // The object as mapped; `file_path` of the result says whether its file is read.
  static Result<ElfImage> open(const Snapshot& snapshot, const MappedObject& object);
  static Result<ElfImage> open_file(const std::string& path);

  ElfImage(ElfImage&&) noexcept = default;

  [[nodiscard]] Elf* elf() const { return elf_.get(); }
  [[nodiscard]] ByteSpan bytes() const { return bytes_; }
  [[nodiscard]] const std::string& file_path() const { return file_path_; }  // empty when rebuilt from memory
  // What to add to a link-time address to get the target's; 0 for open_file.
  [[nodiscard]] std::uint64_t bias() const { return bias_; }

  [[nodiscard]] const std::vector<Elf64_Phdr>& segments() const { return segments_; }
  [[nodiscard]] const std::vector<Elf64_Shdr>& sections() const { return sections_; }
  [[nodiscard]] const Elf64_Shdr* section(std::string_view name) const;
  [[nodiscard]] std::string_view section_name(const Elf64_Shdr& section) const;
  // The section that contains a link-time address.
  [[nodiscard]] const Elf64_Shdr* section_of(std::uint64_t address) const;

  [[nodiscard]] ByteSpan contents(const Elf64_Shdr& section) const;  // empty for SHT_NOBITS and compressed ones
  [[nodiscard]] ByteSpan at_address(std::uint64_t address, std::uint64_t size) const;
  // From `address` to the end of its segment's file contents.
  [[nodiscard]] ByteSpan from_address(std::uint64_t address) const;

  [[nodiscard]] std::string build_id() const;  // hexadecimal, empty when there is none
  [[nodiscard]] DynamicInfo dynamic() const;

 private:
  struct Unmap {
    std::size_t size;
    Unmap() : size(0) {}
    explicit Unmap(std::size_t n) : size(n) {}
    void operator()(const std::byte* p) const;
  };
  struct EndElf {
    void operator()(Elf* elf) const { elf_end(elf); }
  };

  ElfImage() = default;
  static Result<ElfImage> from_memory(const Snapshot& snapshot, const MappedObject& object);
  Status parse(const std::string& name);
  bool make_writable(std::uint64_t offset, std::uint64_t size);
  [[nodiscard]] ByteSpan slice(std::uint64_t offset, std::uint64_t size) const;
  [[nodiscard]] std::uint64_t link_address(std::uint64_t dynamic_value) const;

  std::unique_ptr<const std::byte, Unmap> mapping_;  // of a file
  std::vector<std::byte> copy_;                      // of memory
  ByteSpan bytes_;                                   // into one of the two
  std::string file_path_;
  std::uint64_t bias_ = 0;
  std::vector<Elf64_Phdr> segments_;
  std::vector<Elf64_Shdr> sections_;
  ByteSpan section_names_;
  std::unique_ptr<Elf, EndElf> elf_;  // last: goes before the bytes it points into
};

}  // namespace segwhy
