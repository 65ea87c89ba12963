// Which loaded object an address of code belongs to, and where its unwind information is.
//
// Lock-free and async-signal-safe: glibc's _dl_find_object (2.35) where there is one, else a table taken at load and
// again at note_modules(). Never calls into the loader's locks from inside malloc.
#pragma once

#include <stdint.h>

namespace segwhy::runtime::pal {

struct CodeModule {
  uintptr_t start, end;        // of its mapping
  const uint8_t* frame_index;  // .eh_frame_hdr; null: it has none
};

// False when no object is known there (generated code).
[[nodiscard]] bool find_module(uintptr_t pc, CodeModule& out);

// Takes note of the objects that are loaded. Not async-signal-safe: at load, or after a dlopen.
void note_modules();

}  // namespace segwhy::runtime::pal
