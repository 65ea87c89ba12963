#include "runtime/heap/heap.h"

#include <errno.h>
#include <string.h>

#include "runtime/exact/objects.h"
#include "runtime/exact/tier.h"
#include "runtime/heap/allowance.h"
#include "runtime/heap/batch.h"
#include "runtime/heap/canary.h"
#include "runtime/heap/governor.h"
#include "runtime/heap/ledger.h"
#include "runtime/heap/quarantine.h"
#include "runtime/heap/recorder.h"
#include "runtime/heap/resize.h"
#include "runtime/heap/small.h"
#include "runtime/heap/small_table.h"
#include "runtime/heap/survived.h"
#include "runtime/heap/transfer.h"
#include "runtime/pal/fork_word.h"
#include "runtime/pal/ticks.h"

namespace segwhy::runtime::heap {
namespace {

constexpr uint32_t kInactive = 0;

uint32_t* own_word;  // what internal::active_word points to, writable

// Private memory: a forked child checks canaries that its parent planted.
uint64_t canary_key;

void choose_canary_key() {
  uint64_t random = 0;
  if (pal::syscall(SYS_getrandom, &random, sizeof random, 0) != sizeof random) random = pal::ticks();
  canary_key = usable_key(random);
  recorder::area()->canary_key = canary_key;
}

bool can_quarantine;

// The small tier needs its table; without room for one, of `all` no more than the tensor tier is in force.
void announce_mode(wire::AreaHeader& area) {
  const bool all = area.mode_requested == wire::kProtectAll;
  internal::takes_small_blocks = all && can_quarantine && small_table() != nullptr;
  area.mode = all && !internal::takes_small_blocks ? wire::kProtectTensors : area.mode_requested;
}

void set_active(bool active) {
  if (own_word != nullptr) pal::store(*own_word, active ? 1u : 0u);
}

// Of a block in the arena, or the C library's.
[[nodiscard]] size_t held_bytes(void* block) {
  if (owns_address(block)) return tensor_size(block);
  size_t size = 0;
  if (takes_small_blocks() && is_active() && small_size(block, size)) return size;
  return pal::next_heap().malloc_usable_size(block);
}

// What a block holds that may be moved to another tier.
[[nodiscard]] size_t bytes_in(void* block) {
  if (exact::owns(block)) return exact::usable_size(block);
  return held_bytes(block);
}

[[nodiscard]] void* move_block(void* block, size_t size, const Caller& caller) {
  void* const copy = allocate({size, alignof(max_align_t), false}, caller);
  if (copy == nullptr) return nullptr;
  const size_t held = bytes_in(block);
  memcpy(exact::direct(copy), exact::direct(block), held < size ? held : size);
  release(block, caller);
  return copy;
}

// glibc keeps freed blocks as large as the largest mapping that was freed so far (its dynamic mmap threshold), at most
// this. It does not see the blocks of the arena, and would map and unmap those that the governor leaves to it each
// time.
constexpr size_t kMostKeptByLibrary = size_t{32} << 20;

void teach_library(size_t freed) {
  static size_t largest = size_t{128} << 10;
  if (freed <= pal::load(largest) || freed > kMostKeptByLibrary) return;
  pal::store(largest, freed);
  const int saved = errno;
  pal::next_heap().free(pal::next_heap().malloc(freed));
  errno = saved;
}

[[nodiscard]] bool is_small_request(const Request& request) {
  return takes_small_blocks() && request.size < kLargeBlock && request.alignment <= alignof(max_align_t);
}

[[nodiscard]] void* allocate_object(const Request& request, const Caller& caller) {
  if (request.alignment > alignof(max_align_t)) return nullptr;
  void* const block = exact::allocate_object(request.size, caller);
  if (block != nullptr && request.zero) memset(exact::direct(block), 0, request.size);
  return block;
}

// A block that is not in the arena.
void release_others(void* block, const Caller& caller) {
  const bool small = takes_small_blocks() && is_active() && block != nullptr;
  if (small && release_small(block, caller)) return show_findings();
  pal::next_heap().free(block);
}

// What realloc does in `--protect all`: in place, or from and to whatever tier takes it. False: the C library's block.
[[nodiscard]] bool reallocate_small(void* block, size_t size, const Caller& caller, void*& out) {
  size_t held = 0;
  if (!takes_small_blocks() || !is_active() || !small_size(block, held)) return false;
  if (size == 0) {
    release(block, caller);
    out = nullptr;
    return true;
  }
  out = resize_small(block, size) ? block : move_block(block, size, caller);
  return true;
}

// The C library's, for a block of its own that is to stay there: it grows large mappings without copying.
[[nodiscard]] bool stays_in_library(void* block, size_t size) {
  return !is_active() || !is_tensor_request(size, alignof(max_align_t)) ||
         pal::next_heap().malloc_usable_size(block) >= kLargeBlock;
}

}  // namespace

namespace internal {
const uint32_t* active_word = &kInactive;
bool takes_small_blocks;
}  // namespace internal

void start_heap() {
  wire::AreaHeader* const area = recorder::area();
  if (area == nullptr) return;
  own_word = pal::make_fork_cleared_word();
  if (own_word == nullptr) return;
  choose_canary_key();
  prepare_allowance();
  if (!make_arena()) return;
  start_governor(area->governor.budget_permille);
  can_quarantine = area->mode_requested == wire::kProtectAll && prepare_quarantine();
  announce_mode(*area);
  internal::active_word = own_word;
  set_active(true);
}

void finish_heap() {
  if (!is_active()) return;
  sweep_tensors();
  if (takes_small_blocks()) sweep_small();
  show_findings();
}

void before_fork() {
  lock_small();
  lock_batch();
  lock_arena();
}

void after_fork_in_parent() {
  unlock_arena();
  unlock_batch();
  unlock_small();
}

void after_fork_in_child() {
  after_fork_in_parent();
  if (recorder::area() == nullptr || arena().base == 0) return;
  recorder::area()->canary_key = canary_key;
  restart_governor();
  renew_arena_after_fork();
  announce_mode(*recorder::area());
  forget_findings();
  forget_transfers();
  set_active(true);
}

void* allocate(const Request& request, const Caller& caller) {
  if (is_active() && is_tensor_request(request.size, request.alignment)) {
    if (void* const block = exact::allocate_watched(request, caller)) return block;
    if (void* const block = allocate_tensor(request, caller)) return block;
  } else if (is_active() && is_small_request(request)) {
    if (void* const block = allocate_tensor(request, caller)) return block;
    if (void* const block = allocate_small(request, caller)) return block;
  } else if (exact::allocates_object(caller.return_address)) {
    if (void* const block = allocate_object(request, caller)) return block;
  }
  if (request.zero) return pal::next_heap().calloc(1, request.size);
  if (request.alignment > alignof(max_align_t)) return pal::next_heap().memalign(request.alignment, request.size);
  return pal::next_heap().malloc(request.size);
}

void release(void* block, const Caller& caller) {
  if (pal::is_boot_block(block)) return;
  if (exact::owns(block)) return exact::release_watched(block, caller);
  if (!owns_address(block)) return release_others(block, caller);
  if (!is_active()) return abandon_tensor(block);
  teach_library(tensor_size(block));
  release_tensor(block, caller);
  show_findings();
}

void* reallocate(void* block, size_t size, const Caller& caller) {
  if (block == nullptr) return allocate({size, alignof(max_align_t), false}, caller);
  if (pal::is_boot_block(block)) return pal::reallocate_boot_block(block, size);
  if (!owns_address(block) && !exact::owns(block)) {
    void* resized = nullptr;
    if (reallocate_small(block, size, caller, resized)) return resized;
    return stays_in_library(block, size) ? pal::next_heap().realloc(block, size) : move_block(block, size, caller);
  }
  if (size == 0) {
    release(block, caller);
    return nullptr;
  }
  if (is_active() && owns_address(block)) {
    if (void* const resized = resize_tensor(block, size, caller)) return resized;
  }
  return move_block(block, size, caller);
}

bool clear_pages_of_block(void* address, size_t size) {
  SlotRef ref{};
  const auto begin = reinterpret_cast<uintptr_t>(address);
  if (begin % kPageBytes != 0 || !find_slot(address, ref)) return false;
  const Slot& slot = slot_at(ref);
  const uint64_t bytes = round_up(size, kPageBytes);
  const uintptr_t first = slot_data_end(ref) - slot.pages * kPageBytes;
  const bool inside = begin >= first && bytes <= slot_data_end(ref) - begin;
  if (slot.state != SlotState::kLive || !inside) return false;
  // What lies in the pages beside the block is its canary.
  const uintptr_t from = begin > slot.address ? begin : slot.address;
  const uintptr_t to = begin + bytes < slot.address + slot.size ? begin + bytes : slot.address + slot.size;
  memset(reinterpret_cast<void*>(from), 0, to - from);
  return true;
}

size_t usable_size(void* block) {
  if (block == nullptr) return 0;
  if (pal::is_boot_block(block)) return pal::boot_block_size(block);
  if (exact::owns(block)) return exact::usable_size(block);
  return held_bytes(block);
}

}  // namespace segwhy::runtime::heap
