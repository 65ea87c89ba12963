// FileMemory: what a process has mapped from files and cannot have changed, read from those files: for a process that
// is gone, or is not to be touched, of which only the mappings are known.
//
// A file is used while it is the one that was mapped, by its inode. Opens a file at each read and keeps none. Not
// thread-safe; `mappings` outlives the reader.
#pragma once

#include <vector>

#include "base/memory_reader.h"
#include "evidence/model/snapshot.h"

namespace segwhy {

class FileMemory final : public MemoryReader {
 public:
  // Ascending by address, as the kernel lists them.
  explicit FileMemory(const std::vector<Mapping>& mappings) : mappings_(mappings) {}

  // Up to the end of one mapping.
  std::size_t read(TargetAddr from, std::span<std::byte> out) override;

 private:
  const std::vector<Mapping>& mappings_;
};

}  // namespace segwhy
