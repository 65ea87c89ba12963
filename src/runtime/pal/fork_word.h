// A word that a forked child finds cleared, whichever way the fork was made: in a page of its own that the kernel
// wipes.
#pragma once

#include <stdint.h>
#include <sys/mman.h>

#include "runtime/pal/syscall.h"

namespace segwhy::runtime::pal {

// Null: not possible.
[[nodiscard]] inline uint32_t* make_fork_cleared_word() {
  constexpr uint64_t kBytes = 4096;
  constexpr int kWipeOnFork = 18;  // MADV_WIPEONFORK, kernel 4.14
  const long address = syscall(SYS_mmap, nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);
  if (address < 0) return nullptr;
  if (syscall(SYS_madvise, address, kBytes, kWipeOnFork) == 0) return reinterpret_cast<uint32_t*>(address);
  syscall(SYS_munmap, address, kBytes);
  return nullptr;
}

}  // namespace segwhy::runtime::pal
