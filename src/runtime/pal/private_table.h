// A table of the runtime's own: private memory that takes up only what is touched, and no room in a core file.
#pragma once

#include <stdint.h>
#include <sys/mman.h>

#include "runtime/pal/syscall.h"

namespace segwhy::runtime::pal {

// Zeroed, aligned to a page; stays for the life of the process. Null: not possible.
[[nodiscard]] inline void* map_private_table(uint64_t bytes) {
  const long address =
      syscall(SYS_mmap, nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);
  if (address < 0) return nullptr;
  syscall(SYS_madvise, address, bytes, MADV_DONTDUMP);
  return reinterpret_cast<void*>(address);
}

}  // namespace segwhy::runtime::pal
