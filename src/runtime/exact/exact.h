// Exact mode: every access to a watched block is checked to the byte, in unmodified code.
//
// A watched block lies on pages that the program cannot touch (views.h). Each access faults; the handler decodes the
// instruction, compares the bytes it touches with the block's bounds, logs it, and lets a copy of the instruction do
// it on the same memory's other mapping (stubs.h). A wrong access is handed over as an incident when it happens; the
// program goes on, since what it touched is the block's own slack or guard. docs/exact-mode.md tells what that costs.
//
// Blocks belong to the caller until release(), and are kept watched for a while afterwards. Everything is inert, and
// every question answered with no, until start() succeeds.
//
// start() is called once, with the handlers in place and before other threads exist. The others are thread-safe and
// async-signal-safe, errno is never touched.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "evidence/wire/accesses.h"
#include "runtime/exact/findings.h"
#include "runtime/exact/views.h"

namespace segwhy::runtime::exact {

struct Config {
  size_t view_bytes = size_t{1} << 30;         // address space for blocks; less is taken where that does not fit
  size_t quarantine_bytes = size_t{64} << 20;  // of freed blocks that are kept
  uint32_t access_budget = 3000;               // accesses for which a block is watched
  wire::AccessTable* table = nullptr;          // where to publish; `table_bytes` of it
  size_t table_bytes = 0;
  Reporter reporter = nullptr;
  CodeRange runtime_code = {};  // of the library that this is in: its accesses are not the program's
};

// kExactRunning, or why exact mode stays off; noted in the table as well.
wire::ExactRefusal start(const Config& config);

[[nodiscard]] bool is_running();

// A watched block of exactly `size` bytes. Null when exact mode is off, there is no room, or the request does not fit
// (size 0, a quarter of the view and more, alignment above half a page): the caller takes its next tier. `stack`: an
// interned one. `budget`: accesses for which it is watched, 0 the configured number.
[[nodiscard]] void* allocate(size_t size, size_t alignment, uint32_t stack, uint32_t budget = 0);

// True for every address in the watched view, also of freed blocks and of no block: it is not another heap's business.
[[nodiscard]] inline bool owns(const void* pointer) {
  return is_watched(reinterpret_cast<uintptr_t>(pointer));
}

enum class Release { kReleased, kDouble, kInvalid };
Release release(void* pointer, uint32_t stack);

// The size as requested; 0 when no live block begins at `pointer`.
[[nodiscard]] size_t usable_size(const void* pointer);

// Where the block's bytes can be accessed without a fault: for the heap's own copies and fills, which are not the
// program's accesses, and for stacks, which the kernel writes to without asking. Other addresses are returned as they
// are.
// A block that may be written there counts as written.
[[nodiscard]] void* direct(void* pointer);
[[nodiscard]] const void* direct(const void* pointer);

// The address that the program knows the byte by.
[[nodiscard]] void* from_direct(void* pointer);

// Around fork(): the child gets memory of its own. In the child, `table` is its own section (or null).
void before_fork();
void after_fork_in_parent();
void after_fork_in_child(wire::AccessTable* table, size_t table_bytes);

}  // namespace segwhy::runtime::exact
