// ElfFile: headers of an ELF file of any size (cores of many gigabytes too), read by offset, never mapped.
//
// Owns the descriptor. Tables that do not fit the file are cut to what is there; a file that is no 64-bit x86-64 ELF
// is refused with the reason. Contents are read on demand and may be short. The decoders are pure functions of bytes
// (parse_elf_header, parse_segments) so that they can be fuzzed. Const members are thread-safe (pread).
#pragma once

#include <elf.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/byte_view.h"
#include "base/fd.h"
#include "base/result.h"

namespace segwhy {

struct ElfSection {
  std::string name;
  std::uint32_t type = 0;
  std::uint64_t flags = 0, address = 0, offset = 0, size = 0;
};

// Checks magic, class, byte order and machine; `name` is for the error text.
Result<Elf64_Ehdr> parse_elf_header(ByteView file_start, const std::string& name);

// As many whole entries as `table` holds.
[[nodiscard]] std::vector<Elf64_Phdr> parse_segments(ByteView table);

class ElfFile {
 public:
  static Result<ElfFile> open(const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const Elf64_Ehdr& header() const { return header_; }
  [[nodiscard]] const std::vector<Elf64_Phdr>& segments() const { return segments_; }
  // Read anew at each call; empty when the table is absent or broken.
  [[nodiscard]] std::vector<ElfSection> sections() const;
  // Hexadecimal, from the PT_NOTE segments; empty when there is none.
  [[nodiscard]] std::string build_id() const;

  // Copies up to out.size() bytes at `offset`; returns how many leading bytes are valid.
  std::size_t read(std::uint64_t offset, std::span<std::byte> out) const;
  // The part of [offset, offset + size) that the file has, `max` bytes at most.
  [[nodiscard]] std::vector<std::byte> bytes(std::uint64_t offset, std::uint64_t size,
                                             std::uint64_t max = std::uint64_t{64} << 20) const;

 private:
  ElfFile() = default;
  [[nodiscard]] std::uint64_t segment_count() const;

  std::string path_;
  Fd fd_;
  std::uint64_t size_ = 0;
  Elf64_Ehdr header_{};
  std::vector<Elf64_Phdr> segments_;
};

// For people: the name of the section (".text") or, without section headers, of the segment ("LOAD r-x") that holds
// most of the file range; empty when nothing does. With `file_offset` set, of exactly that byte.
[[nodiscard]] std::string describe_file_range(const ElfFile& file, std::uint64_t begin, std::uint64_t end,
                                              std::optional<std::uint64_t> file_offset);

}  // namespace segwhy
