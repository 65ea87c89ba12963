#include "runtime/heap/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "evidence/wire/blocks.h"
#include "runtime/heap/recorder.h"
#include "runtime/pal/limits.h"
#include "runtime/pal/userfault.h"

namespace segwhy::runtime::heap {

namespace internal {
Arena the_arena;
}

namespace {

using internal::the_arena;

// Slots of a region become usable in steps of this: what the program never needs stays out of its accounts and cores.
constexpr uint64_t kCommitBytes = kHugePageBytes;
// How far to look for a free slot before giving up.
constexpr uint32_t kMostTries = 256;

[[nodiscard]] long reserve(uint64_t bytes) {
  return pal::syscall(SYS_mmap, nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);
}

// Slots that are ready for use count as data, whether they hold a block or not.
[[nodiscard]] uint64_t affordable_bytes() {
  const uint64_t space = pal::soft_limit(RLIMIT_AS), data = pal::soft_limit(RLIMIT_DATA);
  return affordable_reservation(space < data ? space : data);
}

[[nodiscard]] uint32_t record_capacity() {
  const auto* const table = recorder::section<wire::BlockTable>(wire::kSectionBlocks);
  return table != nullptr ? static_cast<uint32_t>(table->record_count) : 0;
}

// Reserves the largest layout that is to be had, its base at a multiple of a huge page.
[[nodiscard]] bool reserve_layout(Arena& out) {
  const uint64_t most = affordable_bytes();
  for (uint32_t shift = 0; shift <= kMostShift; ++shift) {
    out.layout = lay_out(shift, record_capacity());
    const uint64_t bytes = out.layout.bytes + kHugePageBytes;
    if (bytes > most) continue;
    const long address = reserve(bytes);
    if (address < 0) continue;
    out.base = round_up(static_cast<uint64_t>(address), kHugePageBytes);
    return true;
  }
  return false;
}

[[nodiscard]] bool map_slot_table(Arena& out) {
  const long address = pal::syscall(SYS_mmap, nullptr, out.layout.slot_count * sizeof(Slot), PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);
  out.slots = address < 0 ? nullptr : reinterpret_cast<Slot*>(address);
  return address >= 0;
}

void publish_regions() {
  auto* const table = recorder::section<wire::BlockTable>(wire::kSectionBlocks);
  if (table == nullptr) return;
  static_assert(kRegions <= wire::kMaxRegions);
  for (uint32_t i = 0; i < kRegions; ++i) {
    const Slots& slots = the_arena.layout.regions[i];
    table->regions[i] = {the_arena.base + slots.offset, slots.stride, slots.guard, slots.count, slots.first};
  }
}

void publish_tactics(long userfault_error) {
  wire::AreaHeader* const area = recorder::area();
  if (area == nullptr) return;
  area->tactic_small = the_arena.exact_tactic;
  area->tactic_large = the_arena.large_tactic;
  area->refused[wire::kTacticMove] = static_cast<int32_t>(userfault_error < 0 ? -userfault_error : 0);
}

void choose_tactics() {
  the_arena.userfault = pal::open_userfault();
  the_arena.exact_tactic = the_arena.userfault >= 0 ? wire::kTacticMove : wire::kTacticProtect;
  the_arena.large_tactic = wire::kTacticRemap;
  publish_tactics(the_arena.userfault);
}

// The parts of the regions that were in use before the fork trap again by the child's own descriptor.
void register_committed() {
  for (uint32_t i = 0; i < kExactPages; ++i) {
    const RegionState& region = the_arena.regions[i];
    const uintptr_t begin = the_arena.base + the_arena.layout.regions[i].offset;
    if (region.committed != 0) (void)pal::register_userfault(the_arena.userfault, begin, region.committed);
  }
}

// Puts the child's own userfaultfd where the parent's was, which the child must never use.
void replace_userfault() {
  const long inherited = the_arena.userfault;
  if (inherited < 0) return;
  const bool still_ours = pal::is_userfault(inherited);
  const long own = pal::open_userfault();
  the_arena.userfault = own;
  if (own >= 0 && still_ours && pal::syscall(SYS_dup3, own, inherited, O_CLOEXEC) >= 0) {
    pal::syscall(SYS_close, own);
    the_arena.userfault = inherited;
  } else if (still_ours) {
    pal::syscall(SYS_close, inherited);
  }
  if (the_arena.userfault >= 0) return register_committed();
  the_arena.exact_tactic = wire::kTacticProtect;
}

[[nodiscard]] bool commit_step(SlotRef slot, uint64_t needed) {
  Arena& own = the_arena;
  RegionState& region = own.regions[slot.region];
  const uint64_t most = own.layout.exact_bytes;
  const uint64_t target = round_up(needed, kCommitBytes);
  const uint64_t end = target < most ? target : most;
  const uintptr_t begin = own.base + slots_of(slot).offset + region.committed;
  const uint64_t bytes = end - region.committed;
  if (pal::syscall(SYS_mprotect, begin, bytes, PROT_READ | PROT_WRITE) != 0) return false;
  if (pal::register_userfault(own.userfault, begin, bytes) != 0) {
    pal::syscall(SYS_mprotect, begin, bytes, PROT_NONE);
    return false;
  }
  region.committed = end;
  return true;
}

}  // namespace

bool make_arena() {
  if (record_capacity() == 0) return false;
  if (!reserve_layout(the_arena)) {
    the_arena.layout = {};
    return false;
  }
  if (!map_slot_table(the_arena)) {
    pal::syscall(SYS_munmap, the_arena.base, the_arena.layout.bytes);
    the_arena.base = 0;
    the_arena.layout = {};
    return false;
  }
  choose_tactics();
  publish_regions();
  return true;
}

void renew_arena_after_fork() {
  if (the_arena.base == 0) return;
  replace_userfault();
  publish_regions();
  publish_tactics(the_arena.userfault);
}

void lock_arena() {
  for (RegionState& region : the_arena.regions) (void)region.lock.lock();
}

void unlock_arena() {
  for (RegionState& region : the_arena.regions) region.lock.unlock();
}

bool traps_as_bus_error(const void* address) {
  return the_arena.userfault >= 0 && owns_address(address);
}

uint64_t affordable_reservation(uint64_t limit) {
  constexpr uint64_t kShare = 8;
  return limit == RLIM_INFINITY ? ~uint64_t{0} : limit / kShare;
}

bool find_slot(const void* address, SlotRef& out) {
  const uint64_t offset = reinterpret_cast<uintptr_t>(address) - the_arena.base;
  out.region = region_of(the_arena.layout, offset);
  const Slots& slots = the_arena.layout.regions[out.region];
  const uint64_t number = (offset - slots.offset) / slots.stride;
  out.number = static_cast<uint32_t>(number);
  return number < slots.count;
}

bool owns_address(const void* address) {
  SlotRef ref{};
  if (!in_arena(address)) return false;
  const bool is_slot = find_slot(address, ref);
  const bool retreated = pal::load(the_arena.retreated);
  if (!is_slot) return !retreated;
  const SlotState state = slot_at(ref).state;
  return state != SlotState::kLost && !(retreated && state == SlotState::kNever);
}

bool take_slot(uint32_t region, SlotRef& out) {
  RegionState& state = the_arena.regions[region];
  if (the_arena.retreated) return false;
  const uint32_t count = the_arena.layout.regions[region].count;
  const uint32_t tries = count < kMostTries ? count : kMostTries;
  for (uint32_t i = 0; i < tries; ++i) {
    out = {region, state.cursor};
    state.cursor = state.cursor + 1 < count ? state.cursor + 1 : 0;
    Slot& slot = slot_at(out);
    if (slot.state != SlotState::kNever && slot.state != SlotState::kQuarantined) continue;
    slot.state = SlotState::kBusy;
    return true;
  }
  return false;
}

bool commit_slot(SlotRef slot) {
  const Arena& own = the_arena;
  if (slot.region >= kExactPages || own.exact_tactic != wire::kTacticMove) return true;
  const uint64_t needed = (slot.number + uint64_t{1}) * slots_of(slot).stride;
  return needed <= own.regions[slot.region].committed || commit_step(slot, needed);
}

}  // namespace segwhy::runtime::heap
