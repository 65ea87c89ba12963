// CoreMemory: the memory of a dead process: what its core file holds, and behind it, for pages that cores leave out
// because they are unchanged parts of a file, that file.
//
// A file is used only while it looks like the one that was mapped: it must reach as far as the mapping, and where the
// core holds the object's first page, the build-ids must agree. Opens files on first use and keeps them. Not
// thread-safe.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/memory_reader.h"
#include "elf/elf_file.h"
#include "evidence/model/snapshot.h"

namespace segwhy {

class CoreMemory final : public MemoryReader {
 public:
  // `core` and `mappings` outlive the reader.
  CoreMemory(const ElfFile& core, const std::vector<Mapping>& mappings);
  ~CoreMemory() override;

  std::size_t read(TargetAddr from, std::span<std::byte> out) override;

  // Mapped files that differ from what the process had, or are gone; each path once. Checks every file: slow.
  [[nodiscard]] std::vector<std::string> unusable_files();

 private:
  struct Backing;

  std::size_t read_once(TargetAddr from, std::span<std::byte> out);
  std::size_t read_core(TargetAddr from, std::span<std::byte> out) const;
  std::size_t read_file(const Mapping& mapping, TargetAddr from, std::span<std::byte> out);
  const Backing& backing(const Mapping& mapping);
  [[nodiscard]] std::string build_id_in_core(const Mapping& first) const;

  const ElfFile& core_;
  const std::vector<Mapping>& mappings_;
  std::vector<Elf64_Phdr> loads_;  // ascending by address
  std::unordered_map<std::string, std::unique_ptr<Backing>> files_;
};

}  // namespace segwhy
