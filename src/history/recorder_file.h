// RecorderFile: the session's memfd as memory whose addresses are offsets in the file. Borrows the descriptor.
#pragma once

#include "base/memory_reader.h"

namespace segwhy::history {

class RecorderFile final : public MemoryReader {
 public:
  explicit RecorderFile(int fd) : fd_(fd) {}
  std::size_t read(TargetAddr from, std::span<std::byte> out) override;

 private:
  int fd_;
};

}  // namespace segwhy::history
