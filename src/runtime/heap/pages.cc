#include "runtime/heap/pages.h"

#include <sys/mman.h>

#include "runtime/heap/arena.h"
#include "runtime/pal/syscall.h"
#include "runtime/pal/userfault.h"

namespace segwhy::runtime::heap {
namespace {

[[nodiscard]] bool map_fixed(uintptr_t address, size_t bytes, int protection) {
  const long result = pal::syscall(SYS_mmap, address, bytes, protection,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0L);
  return result == static_cast<long>(address);
}

// Reserves what a remapping has left unmapped, if another thread's mapping was not faster.
bool reserve_hole(const PageRange& hole) {
  const long reserved = pal::syscall(SYS_mmap, hole.address, hole.bytes, PROT_NONE,
                                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0L);
  if (reserved == static_cast<long>(hole.address)) return true;
  if (reserved >= 0) pal::syscall(SYS_munmap, reserved, hole.bytes);  // a kernel that takes it for a hint
  return false;
}

// The old place stays mapped (and empty) until it is reserved: were it unmapped in between, another thread's mapping
// could land inside the arena.
[[nodiscard]] bool remap(uintptr_t destination, uintptr_t source, size_t bytes) {
  constexpr int kDontUnmap = 4;  // MREMAP_DONTUNMAP, kernel 5.7
  const long result =
      pal::syscall(SYS_mremap, source, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED | kDontUnmap, destination);
  if (result != static_cast<long>(destination)) {
    (void)reserve_hole({destination, bytes});
    return false;
  }
  if (map_fixed(source, bytes, PROT_NONE)) return true;
  pal::syscall(SYS_madvise, source, bytes, MADV_DONTNEED);
  return true;
}

}  // namespace

bool populate_pages(wire::Tactic tactic, uintptr_t address, size_t bytes) {
  if (tactic == wire::kTacticMove) return pal::populate_zero(arena().userfault, address, bytes) == 0;
  return pal::syscall(SYS_mprotect, address, bytes, PROT_READ | PROT_WRITE) == 0;
}

bool revoke_pages(wire::Tactic tactic, uintptr_t address, size_t bytes) {
  if (tactic == wire::kTacticMove) return pal::syscall(SYS_madvise, address, bytes, MADV_DONTNEED) == 0;
  if (map_fixed(address, bytes, PROT_NONE)) return true;
  pal::syscall(SYS_madvise, address, bytes, MADV_DONTNEED);  // no mapping left: the memory at least goes back
  return false;
}

bool transfer_pages(wire::Tactic tactic, uintptr_t destination, uintptr_t source, size_t bytes) {
  const bool moved = tactic == wire::kTacticMove ? pal::move_pages(arena().userfault, destination, source, bytes) == 0
                                                 : remap(destination, source, bytes);
  if (moved) return true;
  (void)revoke_pages(tactic, source, bytes);
  if (tactic == wire::kTacticMove) (void)revoke_pages(tactic, destination, bytes);
  return false;
}

Remapped remap_pages(const PageRange& source, const PageRange& destination) {
  const long result = pal::syscall(SYS_mremap, source.address, source.bytes, destination.bytes,
                                   MREMAP_MAYMOVE | MREMAP_FIXED, destination.address);
  if (result != static_cast<long>(destination.address)) {
    (void)reserve_hole(destination);
    return Remapped::kNot;
  }
  return reserve_hole(source) ? Remapped::kDone : Remapped::kSourceLost;
}

}  // namespace segwhy::runtime::heap
