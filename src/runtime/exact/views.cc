#include "runtime/exact/views.h"

#include <errno.h>
#include <sys/mman.h>

#include "runtime/pal/syscall.h"

namespace segwhy::runtime::exact {

namespace internal {
Views views;
}

namespace {

// Addresses that neither the kernel's placement nor the usual allocators choose, so that the upper half of an address
// tells (syscall_filter.cc), also in programs that are started from here. 4 GiB apart, 4 GiB aligned.
constexpr uintptr_t kFirstPlace = 0x3a0000000000;
constexpr uintptr_t kPlaceDistance = uintptr_t{1} << 32;
constexpr int kPlaces = 64;

constexpr int kShared = MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE;

[[nodiscard]] bool failed(long result) {
  return result < 0 && result > -4096;
}

// 0, or why not.
[[nodiscard]] long reserve(uintptr_t wanted, size_t bytes) {
  const long got = pal::syscall(SYS_mmap, wanted, bytes, PROT_NONE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0L);
  if (got == static_cast<long>(wanted)) return 0;
  if (failed(got)) return got;
  pal::syscall(SYS_munmap, got, bytes);  // a kernel that takes the address for a hint
  return -EEXIST;
}

struct Part {
  uintptr_t begin;
  size_t bytes;
};
constexpr int kParts = 4;

// The views, the copy and the code of a place.
void list_parts(uintptr_t place, size_t bytes, Part (&parts)[kParts]) {
  for (int number = 0; number < kParts; ++number) {
    parts[number] = {place + static_cast<uintptr_t>(number) * kViewDistance, number == kParts - 1 ? kCodeBytes : bytes};
  }
}

void give_back(const Part (&parts)[kParts], int count) {
  for (int number = 0; number < count; ++number) {
    pal::syscall(SYS_munmap, parts[number].begin, parts[number].bytes);
  }
}

[[nodiscard]] long reserve_all(const Part (&parts)[kParts]) {
  for (int number = 0; number < kParts; ++number) {
    const long error = reserve(parts[number].begin, parts[number].bytes);
    if (error == 0) continue;
    give_back(parts, number);
    return error;
  }
  return 0;
}

// The first free place; 0: the kernel refuses.
[[nodiscard]] uintptr_t reserve_place(size_t bytes) {
  for (int number = 0; number < kPlaces; ++number) {
    const uintptr_t place = kFirstPlace + static_cast<uintptr_t>(number) * kPlaceDistance;
    Part parts[kParts];
    list_parts(place, bytes, parts);
    const long error = reserve_all(parts);
    if (error == 0) return place;
    if (error != -EEXIST) return 0;
  }
  return 0;
}

// Shared memory without a descriptor or a name, at `address` or (0) anywhere.
[[nodiscard]] long map_shared(uintptr_t address, size_t bytes) {
  return pal::syscall(SYS_mmap, address, bytes, PROT_READ | PROT_WRITE, kShared | (address != 0 ? MAP_FIXED : 0), -1,
                      0L);
}

// The memory of `mapping` once more: an old size of 0 duplicates a shared mapping.
[[nodiscard]] long map_again(uintptr_t mapping, size_t bytes, uintptr_t address) {
  return address != 0 ? pal::syscall(SYS_mremap, mapping, 0UL, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, address)
                      : pal::syscall(SYS_mremap, mapping, 0UL, bytes, MREMAP_MAYMOVE);
}

[[nodiscard]] bool protect(uintptr_t begin, size_t bytes, int protection) {
  return pal::syscall(SYS_mprotect, begin, bytes, protection) == 0;
}

// Both views out of `memory`, which may be where the watched one belongs.
[[nodiscard]] bool map_both(const Views& views, uintptr_t memory) {
  if (failed(map_again(memory, views.bytes, views.watched + kViewDistance))) return false;
  if (memory != views.watched && failed(map_again(memory, views.bytes, views.watched))) return false;
  return protect(views.watched, views.bytes, PROT_NONE);
}

[[nodiscard]] MapResult map_code(Views& views) {
  const long executable = map_shared(views.code, kCodeBytes);
  if (failed(executable)) return MapResult::kNoMemory;
  const long writable = map_again(views.code, kCodeBytes, views.code_writable);
  if (failed(writable)) return MapResult::kNoMemory;
  views.code_writable = static_cast<uintptr_t>(writable);
  return protect(views.code, kCodeBytes, PROT_READ | PROT_EXEC) ? MapResult::kMapped : MapResult::kNoExecutable;
}

[[nodiscard]] MapResult map_all(Views& views) {
  if (failed(map_shared(views.watched, views.bytes)) || !map_both(views, views.watched)) return MapResult::kNoMemory;
  return map_code(views);
}

}  // namespace

MapResult map_views(size_t bytes) {
  const uintptr_t place = reserve_place(bytes);
  if (place == 0) return MapResult::kNoMemory;
  Part parts[kParts];
  list_parts(place, bytes, parts);
  Views views{place, bytes, parts[2].begin, parts[3].begin, 0};
  const MapResult result = map_all(views);
  if (result == MapResult::kMapped) {
    internal::views = views;
  } else {
    give_back(parts, kParts);
  }
  return result;
}

bool set_watched(uintptr_t begin, uintptr_t end, bool watched) {
  return protect(begin, end - begin, watched ? PROT_NONE : PROT_READ | PROT_WRITE);
}

void open_everything() {
  (void)protect(internal::views.watched, internal::views.bytes, PROT_READ | PROT_WRITE);
}

bool replace_memory() {
  const bool replaced =
      map_both(internal::views, internal::views.copy) && map_code(internal::views) == MapResult::kMapped;
  unmap_copy();
  return replaced;
}

uintptr_t map_copy() {
  const long copy = map_shared(internal::views.copy, internal::views.bytes);
  return failed(copy) ? 0 : static_cast<uintptr_t>(copy);
}

void unmap_copy() {
  pal::syscall(SYS_mmap, internal::views.copy, internal::views.bytes, PROT_NONE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0L);
}

}  // namespace segwhy::runtime::exact
