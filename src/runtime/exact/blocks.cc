#include "runtime/exact/blocks.h"

#include <string.h>
#include <sys/mman.h>

#include "runtime/exact/views.h"
#include "runtime/exact/written.h"
#include "runtime/pal/atomic.h"
#include "runtime/pal/fork_word.h"
#include "runtime/pal/owner_lock.h"
#include "runtime/pal/signals.h"
#include "runtime/pal/syscall.h"
#include "runtime/pal/ticks.h"

namespace segwhy::runtime::exact {
namespace {

constexpr uint32_t kMostBlocks = 1u << 15;
constexpr uint32_t kMarginPages = 16;       // between the view's ends and the first and last block
constexpr uint32_t kFullyWatchedPages = 4;  // of larger blocks only the first and the last page are
constexpr size_t kClasses = 64;
constexpr size_t kMostPages = kMostViewBytes / kPageBytes;

struct Block {
  uintptr_t address;
  size_t size;
  uint32_t first_page;
  uint32_t pages;
  uint32_t next;  // in a list, index+1
  uint32_t accesses;
  uint32_t budget;
  uint32_t stack;  // of the allocation; in a forked child still the parent's number
  uint8_t alignment_log2;
  uint8_t size_class;
  uint8_t state;  // atomic, wire::BlockState
  bool opened;    // some of its pages are accessible
  bool wholly_opened;
};

struct List {
  uint32_t first, last;  // index+1
};

struct Tables {
  Block blocks[kMostBlocks];
  List recyclable[kClasses];        // blocks that may be used again, with their runs, by size
  uint32_t spare_runs[kClasses];    // runs without a block, by size: first page of the first one, 0: none
  uint32_t next_spare[kMostPages];  // of a spare run's first page: that of the next one
  uint32_t owners[kMostPages];      // of each page: index+1 of the block whose run it is in
};

Tables* tables;
wire::AccessTable* section;
uint32_t block_limit;
uint32_t used_blocks;
uint32_t next_page;
uint32_t page_limit;
List quarantine;
size_t quarantined_bytes;
size_t quarantine_limit;
uint32_t default_budget;

// Waited for as long as it takes: a fork holds it while it copies all blocks. It lies in memory that a forked child
// finds cleared, so that no thread of the parent holds it there.
pal::OwnerLock* lock;

// A signal handler in the midst of a fork has the lock already: the fork changes nothing.
class Lock {
 public:
  Lock() : taken_(lock->lock()) {}
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() {
    if (taken_) lock->unlock();
  }

 private:
  pal::SignalGuard guard_;  // constructed first, destroyed last
  bool taken_;
};

[[nodiscard]] uintptr_t page_address(uint32_t page) {
  return views().watched + page * kPageBytes;
}
[[nodiscard]] uint32_t page_of(uintptr_t address) {
  return static_cast<uint32_t>((address - views().watched) / kPageBytes);
}

void push(List& list, uint32_t index) {
  tables->blocks[index].next = 0;
  if (list.last != 0) tables->blocks[list.last - 1].next = index + 1;
  if (list.first == 0) list.first = index + 1;
  list.last = index + 1;
}

[[nodiscard]] uint32_t pop(List& list) {
  if (list.first == 0) return kNoBlock;
  const uint32_t index = list.first - 1;
  list.first = tables->blocks[index].next;
  if (list.first == 0) list.last = 0;
  return index;
}

// Sizes of runs: four steps to a doubling, so that freed runs fit again without being split.
struct SizeClass {
  uint8_t number;
  uint32_t pages;
};
[[nodiscard]] SizeClass size_class(uint32_t pages) {
  if (pages <= 4) return {static_cast<uint8_t>(pages), pages};
  const auto log = static_cast<uint32_t>(31 - __builtin_clz(pages - 1));
  const uint32_t step = 1u << (log - 2);
  const uint32_t rounded = (pages + step - 1) / step * step;
  return {static_cast<uint8_t>(4 * (log - 1) + (rounded - (1u << log)) / step), rounded};
}

// Room in front of the block, within its pages: a block is never more aligned than it would be with malloc, so that
// code which looks at the alignment takes the same path.
[[nodiscard]] size_t lead_of(size_t alignment) {
  return alignment < 16 ? 16 : alignment;
}

void watch_wholly(Block& block) {
  if (!block.opened) return;
  const uintptr_t begin = page_address(block.first_page);
  block.opened = !set_watched(begin, begin + block.pages * kPageBytes, true);
  block.wholly_opened = block.opened;
}

void set_owner(uint32_t first_page, uint32_t pages, uint32_t owner) {
  for (uint32_t page = first_page; page <= first_page + pages; ++page) pal::store(tables->owners[page], owner);
}

// The block that was freed longest ago may be used again.
void recycle_oldest() {
  const uint32_t index = pop(quarantine);
  Block& block = tables->blocks[index];
  quarantined_bytes -= block.pages * kPageBytes;
  watch_wholly(block);
  push(tables->recyclable[block.size_class], index);
}

[[nodiscard]] uint32_t any_recyclable() {
  for (List& list : tables->recyclable) {
    if (const uint32_t index = pop(list); index != kNoBlock) return index;
  }
  return kNoBlock;
}

// First page of a run without a block, 0: the view is full.
[[nodiscard]] uint32_t take_run(const SizeClass& size) {
  if (const uint32_t spare = tables->spare_runs[size.number]; spare != 0) {
    tables->spare_runs[size.number] = tables->next_spare[spare];
    return spare;
  }
  if (next_page + size.pages + 1 > page_limit) return 0;
  const uint32_t first = next_page;
  next_page += size.pages + 1;
  return first;
}

void put_run(const SizeClass& size, uint32_t first_page) {
  tables->next_spare[first_page] = tables->spare_runs[size.number];
  tables->spare_runs[size.number] = first_page;
}

// A block without a run: a new one, or the one that was freed longest ago.
[[nodiscard]] uint32_t take_blank() {
  if (used_blocks < block_limit) return used_blocks++;
  uint32_t index = any_recyclable();
  if (index == kNoBlock && quarantine.first != 0) {
    recycle_oldest();
    index = any_recyclable();
  }
  if (index == kNoBlock) return kNoBlock;
  const Block& block = tables->blocks[index];
  set_owner(block.first_page, block.pages, 0);
  put_run({block.size_class, block.pages}, block.first_page);
  return index;
}

// A block with a run of `size`.
[[nodiscard]] uint32_t take_block(const SizeClass& size) {
  if (const uint32_t again = pop(tables->recyclable[size.number]); again != kNoBlock) return again;
  const uint32_t first_page = take_run(size);
  if (first_page == 0) return kNoBlock;
  const uint32_t index = take_blank();
  if (index == kNoBlock) {
    put_run(size, first_page);
    return kNoBlock;
  }
  Block& block = tables->blocks[index];
  block.first_page = first_page;
  block.pages = size.pages;
  block.size_class = size.number;
  set_owner(first_page, size.pages, index + 1);
  return index;
}

// The same where the view is full: by recycling freed blocks early.
[[nodiscard]] uint32_t take_block_by_recycling(const SizeClass& size) {
  constexpr int kPatience = 64;
  uint32_t index = take_block(size);
  for (int tries = 0; index == kNoBlock && tries < kPatience && quarantine.first != 0; ++tries) {
    const bool fits = tables->blocks[quarantine.first - 1].size_class == size.number;
    recycle_oldest();
    if (fits) index = take_block(size);
  }
  return index;
}

void publish_new(uint32_t index) {
  wire::WatchedBlock* const out = published(index);
  if (out == nullptr) return;
  const Block& block = tables->blocks[index];
  pal::store(out->block.state, wire::kBlockNever);
  const uint32_t sequence = out->block.sequence + 1;
  memset(out, 0, sizeof *out);
  wire::BlockRecord& record = out->block;
  record.address = block.address;
  record.size = block.size;
  record.allocation_stack = block.stack;
  record.allocating_tid = pal::thread_id();
  record.allocated_ticks = pal::ticks();
  record.sequence = sequence;
  record.alignment_log2 = block.alignment_log2;
  record.pages = block.pages;
  record.kind = block.alignment_log2 >= 5 ? wire::kBlockAligned : wire::kBlockSmall;
  pal::store(record.state, wire::kBlockLive);
}

// The pages of a large block between the first and the last one.
void open_middle(uint32_t index) {
  Block& block = tables->blocks[index];
  const uint32_t first = page_of(block.address);
  const uint32_t last = page_of(block.address + block.size - 1);
  if (last - first < kFullyWatchedPages) return;
  block.opened = set_watched(page_address(first + 1), page_address(last), false);
  wire::WatchedBlock* const out = published(index);
  if (out == nullptr || !block.opened) return;
  out->open_begin = page_address(first + 1) - block.address;
  out->open_end = page_address(last) - block.address;
}

// The kernel has no mapping left to open a single block with.
void give_up() {
  open_everything();
  if (section != nullptr) pal::store(section->refusal, wire::kExactGaveUp);
}

[[nodiscard]] Freed freed_as(uintptr_t address, uint32_t index) {
  if (index == kNoBlock || tables->blocks[index].address != address) return Freed::kNotABlock;
  switch (pal::load(tables->blocks[index].state)) {
    case wire::kBlockLive:
      return Freed::kFreed;
    case wire::kBlockQuarantined:
      return Freed::kTwice;
    default:
      return Freed::kNotABlock;
  }
}

void publish_freed(uint32_t index, uint32_t stack) {
  wire::WatchedBlock* const out = published(index);
  if (out == nullptr) return;
  out->block.free_stack = stack;
  out->block.freeing_tid = pal::thread_id();
  out->block.freed_ticks = pal::ticks();
  pal::store(out->block.state, wire::kBlockQuarantined);
}

[[nodiscard]] uintptr_t distance(const Block& block, uintptr_t address) {
  if (address < block.address) return block.address - address;
  const uintptr_t end = block.address + block.size;
  return address < end ? 0 : address - end + 1;
}

}  // namespace

bool prepare_blocks(wire::AccessTable* table, uint32_t access_budget, size_t quarantine_bytes) {
  const size_t pages = views().bytes / kPageBytes;
  const long address = pal::syscall(SYS_mmap, nullptr, sizeof(Tables), PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);
  if (address < 0 && address > -4096) return false;
  lock = reinterpret_cast<pal::OwnerLock*>(pal::make_fork_cleared_word());
  if (lock == nullptr) return false;
  tables = reinterpret_cast<Tables*>(address);
  section = table;
  block_limit = table != nullptr && table->block_count < kMostBlocks ? table->block_count : kMostBlocks;
  next_page = kMarginPages;
  page_limit = static_cast<uint32_t>(pages) - kMarginPages;
  quarantine_limit = quarantine_bytes;
  default_budget = access_budget;
  return true;
}

void* allocate_block(size_t size, size_t alignment, uint32_t stack, uint32_t budget) {
  if (size == 0 || size > views().bytes / 4 || alignment > kPageBytes / 2) return nullptr;
  const size_t lead = lead_of(alignment);
  const SizeClass wanted = size_class(static_cast<uint32_t>((lead + size + kPageBytes - 1) / kPageBytes));
  const Lock held;
  while (quarantined_bytes > quarantine_limit) recycle_oldest();
  const uint32_t index = take_block_by_recycling(wanted);
  if (index == kNoBlock) {
    if (section != nullptr) pal::fetch_add(section->refused_blocks, 1);
    return nullptr;
  }
  Block& block = tables->blocks[index];
  block.address = page_address(block.first_page) + lead;
  block.size = size;
  block.accesses = 0;
  block.budget = budget != 0 ? budget : default_budget;
  block.stack = stack;
  block.alignment_log2 = static_cast<uint8_t>(__builtin_ctzll(alignment));
  forget_written(block.address, block.address + size);
  pal::store(block.state, wire::kBlockLive);
  publish_new(index);
  open_middle(index);
  return reinterpret_cast<void*>(block.address);
}

Freed free_block(void* pointer, uint32_t stack) {
  const auto address = reinterpret_cast<uintptr_t>(pointer);
  const uint32_t index = nearest_block(address);
  const Lock held;
  const Freed result = freed_as(address, index);
  if (result != Freed::kFreed) return result;
  Block& block = tables->blocks[index];
  pal::store(block.state, wire::kBlockQuarantined);
  publish_freed(index, stack);
  watch_wholly(block);
  block.accesses = 0;
  push(quarantine, index);
  quarantined_bytes += block.pages * kPageBytes;
  return result;
}

uint32_t block_at(const void* pointer) {
  const auto address = reinterpret_cast<uintptr_t>(pointer);
  const uint32_t index = nearest_block(address);
  return freed_as(address, index) == Freed::kFreed ? index : kNoBlock;
}

bool is_used_page(uintptr_t address) {
  return is_watched(address) && page_of(address) >= kMarginPages - 1 && page_of(address) < pal::load(next_page);
}

uint32_t nearest_block(uintptr_t address) {
  if (!is_used_page(address)) return kNoBlock;
  const uint32_t page = page_of(address);
  const uint32_t here = pal::load(tables->owners[page]);
  // The guard behind a block is also the one before the next.
  const uint32_t next = pal::load(tables->owners[page + 1]);
  if (here == 0 || next == 0 || here == next) return (here != 0 ? here : next) - 1;
  const bool next_is_nearer = distance(tables->blocks[next - 1], address) < distance(tables->blocks[here - 1], address);
  return (next_is_nearer ? next : here) - 1;
}

Bounds bounds_of(uint32_t index) {
  const Block& block = tables->blocks[index];
  return {block.address, block.size, pal::load(block.state) == wire::kBlockLive};
}

void note_block_written(uintptr_t address) {
  const uint32_t index = nearest_block(address);
  if (index == kNoBlock) return;
  const Bounds bounds = bounds_of(index);
  note_written(bounds.address, bounds.end());
}

bool count_access(uint32_t index) {
  Block& block = tables->blocks[index];
  return __atomic_add_fetch(&block.accesses, 1, __ATOMIC_RELAXED) >= block.budget;
}

void open_block(uint32_t index, wire::WatchEnd reason) {
  Block& block = tables->blocks[index];
  const uintptr_t begin = page_address(block.first_page);
  if (!set_watched(begin, begin + block.pages * kPageBytes, false)) return give_up();
  block.opened = true;
  block.wholly_opened = true;
  if (wire::WatchedBlock* const out = published(index)) out->watch_end = reason;
}

void open_page(uintptr_t address) {
  const uintptr_t begin = address & ~(kPageBytes - 1);
  if (!set_watched(begin, begin + kPageBytes, false)) give_up();
}

wire::WatchedBlock* published(uint32_t index) {
  if (section == nullptr) return nullptr;
  return reinterpret_cast<wire::WatchedBlock*>(section + 1) + index;
}

wire::AccessTable* access_table() {
  return section;
}

void lock_blocks() {
  (void)lock->lock();
}

void unlock_blocks() {
  lock->unlock();
}

void copy_live_blocks(uintptr_t copy) {
  for (uint32_t index = 0; index < used_blocks; ++index) {
    const Block& block = tables->blocks[index];
    if (block.state != wire::kBlockLive) continue;
    const uintptr_t begin = page_address(block.first_page);
    memcpy(reinterpret_cast<void*>(copy + (begin - views().watched)),
           reinterpret_cast<const void*>(open_address(begin)), block.pages * kPageBytes);
  }
}

void adopt_blocks(wire::AccessTable* table) {
  section = table;
  for (uint32_t index = 0; index < used_blocks; ++index) {
    Block& block = tables->blocks[index];
    const bool was_wholly_opened = block.wholly_opened;
    block.opened = false;
    block.wholly_opened = false;
    if (block.state != wire::kBlockLive) continue;
    publish_new(index);
    if (wire::WatchedBlock* const out = published(index)) out->block.flags |= wire::kBlockFromParent;
    if (was_wholly_opened) {
      open_block(index, wire::kWatchBudget);
    } else {
      open_middle(index);
    }
  }
  lock->unlock();
}

}  // namespace segwhy::runtime::exact
