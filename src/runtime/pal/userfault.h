// userfaultfd(2) in SIGBUS mode: in registered memory a page that nobody populated traps, with no VMA per guard and no
// page-table markers, and the pages of one place can be moved to another in one call. Async-signal-safe, errno
// untouched; results are the kernel's (-errno on failure).
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace segwhy::runtime::pal {

// A new descriptor that can move pages, out of the way of the program's own numbers; or -errno.
[[nodiscard]] long open_userfault();

// True when `fd` is a userfaultfd: a program may have closed it and got the number for a file of its own.
[[nodiscard]] bool is_userfault(long fd);

// What is not populated in [address, address + bytes) traps from now on. Private anonymous writable memory.
[[nodiscard]] long register_userfault(long fd, uintptr_t address, size_t bytes);

// Populates with zeros that cost memory when they are written first.
[[nodiscard]] long populate_zero(long fd, uintptr_t address, size_t bytes);

// Moves all pages; what was there before at `source` traps. Fails on pages that are shared with a forked process or
// pinned; then some pages may have moved.
[[nodiscard]] long move_pages(long fd, uintptr_t destination, uintptr_t source, size_t bytes);

}  // namespace segwhy::runtime::pal
