// ProcessMemory: another process's memory by the kernel's own means, without its cooperation.
//
// process_vm_readv, or /proc/PID/mem where that call is forbidden (containers' seccomp filters). Works on running and
// stopped processes; a process that is gone reads as nothing. Not thread-safe.
#pragma once

#include <memory>

#include "base/fd.h"
#include "base/memory_reader.h"
#include "base/result.h"

namespace segwhy {

class ProcessMemory final : public MemoryReader {
 public:
  // Fails with the kernel's reason when memory at `probe` (an address known to be readable) cannot be read.
  static Result<std::unique_ptr<ProcessMemory>> open(int pid, TargetAddr probe);

  std::size_t read(TargetAddr from, std::span<std::byte> out) override;

 private:
  explicit ProcessMemory(int pid) : pid_(pid) {}
  std::size_t read_by_call(TargetAddr from, std::span<std::byte> out) const;
  std::size_t read_by_file(TargetAddr from, std::span<std::byte> out) const;

  int pid_;
  Fd file_;  // /proc/PID/mem, when the call is forbidden
};

}  // namespace segwhy
