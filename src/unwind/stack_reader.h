// StackReader: words of target memory, read ahead in windows, because unwinding reads a stack upwards in small steps
// and every read of a live process is a system call. Not thread-safe; `memory` must outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/memory_reader.h"

namespace segwhy {

class StackReader {
 public:
  explicit StackReader(MemoryReader& memory) : memory_(&memory) {}

  [[nodiscard]] std::optional<std::uint64_t> word(TargetAddr at) { return value(at, sizeof(std::uint64_t)); }
  // A little-endian unsigned number of `size` (1 to 8) bytes.
  [[nodiscard]] std::optional<std::uint64_t> value(TargetAddr at, std::size_t size);

 private:
  [[nodiscard]] const std::byte* find(TargetAddr at, std::size_t size) const;
  void refill(TargetAddr at);

  MemoryReader* memory_;
  TargetAddr start_;
  std::vector<std::byte> window_;
  std::size_t next_size_ = std::size_t{8} << 10;  // grows while the walk goes on: most stacks are shallow
};

}  // namespace segwhy
