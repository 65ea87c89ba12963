// Alternate signal stacks, one per thread, each with a guard page below.
//
// Owned by the thread it was acquired for, released at its end and kept in a small pool for the next one. Memory comes
// from mmap; only the pages that are touched cost. Thread-safe; acquire and release are async-signal-safe too.
#pragma once

#include <signal.h>
#include <stddef.h>

#include "runtime/crash/mask_view.h"

namespace segwhy::runtime {

// Lies in the same mapping as the stack, right above it: what a thread's start needs to carry over costs no heap.
struct AltStack {
  char* base;   // lowest usable byte
  size_t size;  // usable bytes; base + size is the address of this struct
  // What the new thread runs, and the creator's mask that it inherits.
  void* (*start)(void*);
  void* argument;
  uint32_t started_as;  // its entry in ProcessRecord::starts
  MaskView inherited;
  // A stack of the application's own that is too small for the kernel's signal frame: only reported, never used.
  stack_t application;

  [[nodiscard]] bool holds(uintptr_t address) const {
    return address > reinterpret_cast<uintptr_t>(base) && address <= reinterpret_cast<uintptr_t>(this);
  }
  [[nodiscard]] stack_t as_stack() const { return {base, 0, size}; }
  [[nodiscard]] void* top() { return this; }
};

// Null when memory is short or very many threads live: the thread then runs without one.
[[nodiscard]] AltStack* acquire_alt_stack();
void release_alt_stack(AltStack* stack);

// The smallest stack on which the runtime's handler can run: the kernel's frame and a little.
[[nodiscard]] size_t smallest_usable_stack();

// Makes `stack` the calling thread's signal stack for the kernel, if it has one.
void install_alt_stack(const AltStack* stack);

}  // namespace segwhy::runtime
