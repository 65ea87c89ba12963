// The memory of exact mode: one range of pages mapped twice, and room for generated code.
//
// What the program is given lies in the watched view, which it cannot touch: every access faults. The open view is the
// same memory at a constant distance, readable and writable. The distance fits in an instruction's displacement, so an
// access is moved from one view to the other by changing that alone. Generated code is mapped twice as well: no page is
// ever writable and executable at once.
//
// Mapped once, never unmapped. Async-signal-safe.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace segwhy::runtime::exact {

inline constexpr size_t kPageBytes = 4096;
inline constexpr size_t kMostViewBytes = size_t{1} << 30;

// From a watched byte to the same byte in the open view, whatever the size of the views: a system call filter of an
// earlier program of this process must see the difference, too (system_calls.h).
inline constexpr size_t kViewDistance = kMostViewBytes;
inline constexpr size_t kCodeBytes = size_t{4} << 20;

struct Views {
  uintptr_t watched;  // first byte of the watched view; 0: exact mode is off
  size_t bytes;       // of each view
  uintptr_t copy;     // room for the memory of a child that is about to be forked
  uintptr_t code;     // executable view of the generated code
  uintptr_t code_writable;
};

namespace internal {
extern Views views;
}

[[nodiscard]] inline const Views& views() {
  return internal::views;
}

[[nodiscard]] inline bool is_watched(uintptr_t address) {
  return address - internal::views.watched < internal::views.bytes;
}
[[nodiscard]] inline bool is_open_view(uintptr_t address) {
  return address - internal::views.watched - kViewDistance < internal::views.bytes;
}

// Where the byte at the watched `address` can be accessed.
[[nodiscard]] inline uintptr_t open_address(uintptr_t address) {
  return address + kViewDistance;
}

enum class MapResult { kMapped, kNoMemory, kNoExecutable };

// `bytes`: of a view, a power of two, at most kMostViewBytes.
[[nodiscard]] MapResult map_views(size_t bytes);

// Makes whole pages of the watched view accessible, or inaccessible. False when the kernel has no mapping left.
bool set_watched(uintptr_t begin, uintptr_t end, bool watched);

// Gives all of it up: every watched page becomes accessible.
void open_everything();

// Fresh memory as large as a view, for the contents that a forked child is to have; 0: the kernel refuses. Address
// space for it is set aside, so that a limit on that does not.
[[nodiscard]] uintptr_t map_copy();
void unmap_copy();

// In the child: the copy takes the place of the parent's memory behind both views. The watched view is inaccessible
// afterwards, and the generated code gone.
[[nodiscard]] bool replace_memory();

}  // namespace segwhy::runtime::exact
