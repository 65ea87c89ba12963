#include "runtime/exact/exact.h"

#include "runtime/exact/blocks.h"
#include "runtime/exact/code_cache.h"
#include "runtime/exact/code_origin.h"
#include "runtime/exact/instruction.h"
#include "runtime/exact/system_calls.h"
#include "runtime/exact/views.h"
#include "runtime/exact/written.h"
#include "runtime/pal/atomic.h"
#include "runtime/pal/limits.h"

namespace segwhy::runtime::exact {
namespace {

constexpr size_t kLeastViewBytes = size_t{16} << 20;

bool running;
bool has_copy;  // for the child of the fork under way

// Where the program's address space is limited it is the program's: a small part of it at most.
[[nodiscard]] size_t affordable_bytes(size_t wanted) {
  const uint64_t limit = pal::soft_limit(RLIMIT_AS);
  if (limit == RLIM_INFINITY) return wanted;
  constexpr rlim_t kShare = 32;
  size_t bytes = wanted;
  while (bytes > limit / kShare && bytes >= kLeastViewBytes) bytes /= 2;
  return bytes;
}

[[nodiscard]] MapResult map_affordable(size_t wanted) {
  MapResult result = MapResult::kNoMemory;
  for (size_t bytes = affordable_bytes(wanted); bytes >= kLeastViewBytes; bytes /= 2) {
    result = map_views(bytes);
    if (result != MapResult::kNoMemory) break;
  }
  return result;
}

[[nodiscard]] wire::ExactRefusal prepare(const Config& config) {
  if (!has_decoder()) return wire::kExactNoDecoder;
  if (!prepare_code_cache()) return wire::kExactNoMemory;
  switch (map_affordable(config.view_bytes)) {
    case MapResult::kNoMemory:
      return wire::kExactNoMemory;
    case MapResult::kNoExecutable:
      return wire::kExactNoExecutable;
    case MapResult::kMapped:
      break;
  }
  if (!prepare_written() || !prepare_blocks(config.table, config.access_budget, config.quarantine_bytes))
    return wire::kExactNoMemory;
  return install_system_call_filter() ? wire::kExactRunning : wire::kExactNoFilter;
}

void describe(wire::AccessTable* table, size_t bytes) {
  if (table == nullptr) return;
  table->block_count = static_cast<uint32_t>((bytes - sizeof(wire::AccessTable)) / sizeof(wire::WatchedBlock));
  table->view_base = views().watched;
  table->view_bytes = views().bytes;
  table->alias_distance = kViewDistance;
}

}  // namespace

wire::ExactRefusal start(const Config& config) {
  describe(config.table, config.table_bytes);
  find_code_origins(config.runtime_code);
  report_to(config.reporter);
  const wire::ExactRefusal result = prepare(config);
  running = result == wire::kExactRunning;
  describe(config.table, config.table_bytes);
  if (config.table != nullptr) pal::store(config.table->refusal, result);
  return result;
}

bool is_running() {
  return running;
}

void* allocate(size_t size, size_t alignment, uint32_t stack, uint32_t budget) {
  return running ? allocate_block(size, alignment, stack, budget) : nullptr;
}

Release release(void* pointer, uint32_t stack) {
  switch (free_block(pointer, stack)) {
    case Freed::kFreed:
      return Release::kReleased;
    case Freed::kTwice:
      return Release::kDouble;
    default:
      return Release::kInvalid;
  }
}

size_t usable_size(const void* pointer) {
  const uint32_t block = owns(pointer) ? block_at(pointer) : kNoBlock;
  return block == kNoBlock ? 0 : bounds_of(block).size;
}

// What is written there is not seen.
void* direct(void* pointer) {
  note_block_written(reinterpret_cast<uintptr_t>(pointer));
  return owns(pointer) ? reinterpret_cast<void*>(open_address(reinterpret_cast<uintptr_t>(pointer))) : pointer;
}

const void* direct(const void* pointer) {
  return owns(pointer) ? reinterpret_cast<const void*>(open_address(reinterpret_cast<uintptr_t>(pointer))) : pointer;
}

void* from_direct(void* pointer) {
  const auto address = reinterpret_cast<uintptr_t>(pointer);
  return running && is_open_view(address) ? reinterpret_cast<void*>(address - kViewDistance) : pointer;
}

void before_fork() {
  if (!running) return;
  lock_blocks();
  const uintptr_t copy = map_copy();
  has_copy = copy != 0;
  if (has_copy) copy_live_blocks(copy);
}

void after_fork_in_parent() {
  if (!running) return;
  if (has_copy) unmap_copy();  // under the lock: the next thread that forks maps its copy at the same place
  unlock_blocks();
}

void after_fork_in_child(wire::AccessTable* table, size_t table_bytes) {
  if (!running) return;
  forget_code();
  describe(table, table_bytes);
  if (table != nullptr) pal::store(table->refusal, wire::kExactRunning);
  // The kernel has no memory left for a mapping: rather no child than one that goes on in its parent's memory.
  if (!has_copy || !replace_memory()) __builtin_trap();
  adopt_blocks(table);
}

}  // namespace segwhy::runtime::exact
