// Which functions the loaded objects call, by the names in their relocations. Not async-signal-safe (dl_iterate_phdr).
#pragma once

#include <stddef.h>

namespace segwhy::runtime::exact {

// True when the program or a library of it, the C library's own aside, refers to one of `names`.
[[nodiscard]] bool imports_any(const char* const* names, size_t count);

// The C library's and the dynamic linker's objects.
[[nodiscard]] bool is_system_module(const char* path);

}  // namespace segwhy::runtime::exact
