// The account of live memory by call site (evidence/wire/sites.h), for the exported malloc family: whatever the tiers
// of the heap do, a block that is counted is known by its address until it is freed.
//
// Without an account, the inline functions look at one word and that is all. With one, they are the whole cost for a
// block that is not counted: a subtraction in thread-local storage when it is allocated, the look at one byte when it
// is freed. Everything is thread-safe, lock-free and async-signal-safe, and keeps errno. In a child of a raw fork
// nothing is counted: its parent's table is not its own.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "evidence/wire/sites.h"
#include "runtime/heap/tensors.h"

namespace segwhy::runtime::account {

// Once, at load, while there is one thread, with recorder::area() and stacks in place. Without Session::account_bytes
// nothing is counted.
void start();

// In a forked child with an area of its own (or none): begins an empty account.
void after_fork_in_child();

namespace internal {
// Bytes until the next sample of this thread. A thread that is not known yet has 0, and none is taken: see is_due().
extern thread_local constinit int64_t left;
// Blocks of this size and more are counted in any case.
extern size_t exact_from;
inline constexpr uint32_t kFilterBytes = 1u << 16;
// How many blocks are counted whose address leads here; 255: that or more, and it stays. Null: there is no account.
extern uint8_t* filter;

[[nodiscard]] inline uint32_t filter_place(const void* block) {
  const auto address = reinterpret_cast<uintptr_t>(block);
  return static_cast<uint32_t>((address >> 4) ^ (address >> 20)) % kFilterBytes;
}
}  // namespace internal

// Whether this process counts anything. Never changes back.
[[nodiscard]] inline bool is_kept() {
  return __builtin_expect(internal::filter != nullptr, 0);
}

// True when a block of `size` bytes that is about to be allocated may have to be counted: follow it with note().
[[nodiscard]] inline bool wants(size_t size) {
  if (!is_kept()) return false;
  internal::left -= static_cast<int64_t>(size);
  return __builtin_expect(internal::left < 0 || size >= internal::exact_from, 0);
}

// False: the block is certainly not counted.
[[nodiscard]] inline bool may_know(const void* block) {
  return is_kept() && __builtin_expect(internal::filter[internal::filter_place(block)] != 0, 0);
}

// A block that is counted: for whom, and for how much it stands.
struct Entry {
  uint64_t bytes;
  uint32_t blocks;
  uint32_t site;
};

// Counts a block of which wants() was true, or leaves it. `block` null: the request was refused.
void note(void* block, size_t size, const heap::Caller& caller);

// Anonymous memory that the program mapped, and that is gone.
void note_mapping(void* address, size_t size, const heap::Caller& caller);

// Forgets the block, before it is freed: another thread may get its address at once. False: it was not counted.
bool take(const void* block, Entry& out);

// Undoes a take(), for a block that could not be resized.
void put_back(const void* block, const Entry& entry);

}  // namespace segwhy::runtime::account
