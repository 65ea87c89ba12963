#include "runtime/exact/code_cache.h"

#include <string.h>
#include <sys/mman.h>

#include "runtime/exact/stubs.h"
#include "runtime/pal/atomic.h"
#include "runtime/pal/guarded_copy.h"
#include "runtime/pal/spin_lock.h"
#include "runtime/pal/syscall.h"

namespace segwhy::runtime::exact {
namespace {

constexpr uint32_t kEntries = 1u << 15;
constexpr uint32_t kSlots = 1u << 17;  // at most a quarter full: short probes

struct Cache {
  uint32_t count;
  uint32_t slots[kSlots];  // atomic; index+1 of an entry, 0: free
  CodeEntry entries[kEntries];
};

Cache* cache;
pal::SpinLock lock;  // for changes; only ever taken inside the fault handler, where no signal interrupts

[[nodiscard]] uint32_t slot_of(uint64_t pc) {
  constexpr uint64_t kGolden = 0x9e3779b97f4a7c15;
  return static_cast<uint32_t>((pc * kGolden) >> 40) % kSlots;
}

[[nodiscard]] bool is_current(const CodeEntry& entry) {
  return memcmp(entry.instruction.bytes, reinterpret_cast<const void*>(entry.pc), entry.instruction.length) == 0;
}

// The slot that holds `pc`, or the free one where it belongs.
[[nodiscard]] uint32_t& probe(uint64_t pc) {
  for (uint32_t slot = slot_of(pc);; slot = (slot + 1) % kSlots) {
    const uint32_t index = pal::load(cache->slots[slot]);
    if (index == 0 || cache->entries[index - 1].pc == pc) return cache->slots[slot];
  }
}

[[nodiscard]] CodeEntry* current_entry(uint64_t pc) {
  const uint32_t index = pal::load(probe(pc));
  if (index == 0) return nullptr;
  CodeEntry& entry = cache->entries[index - 1];
  return is_current(entry) ? &entry : nullptr;
}

[[nodiscard]] CodeEntry* add_entry(uint64_t pc) {
  if (cache->count == kEntries) return nullptr;
  uint8_t bytes[kMaxInstructionBytes];
  const size_t size = pal::guarded_copy(bytes, reinterpret_cast<const void*>(pc), sizeof bytes);
  CodeEntry& entry = cache->entries[cache->count];
  memset(&entry, 0, sizeof entry);
  if (!decode(pc, bytes, size, entry.instruction)) return nullptr;
  entry.pc = pc;
  pal::store(probe(pc), ++cache->count);
  return &entry;
}

}  // namespace

bool prepare_code_cache() {
  const long address = pal::syscall(SYS_mmap, nullptr, sizeof(Cache), PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);
  if (address < 0 && address > -4096) return false;
  cache = reinterpret_cast<Cache*>(address);
  return true;
}

CodeEntry* find_code(uint64_t pc) {
  if (CodeEntry* const entry = current_entry(pc)) return entry;
  lock.lock();
  CodeEntry* entry = current_entry(pc);
  if (entry == nullptr) entry = add_entry(pc);
  lock.unlock();
  return entry;
}

uintptr_t stub_of(CodeEntry& entry, uint8_t shifts) {
  uintptr_t& stub = entry.stubs[shifts];
  if (const uintptr_t made = pal::load(stub)) return made;
  lock.lock();
  if (stub == 0) pal::store(stub, make_stub(entry.pc, entry.instruction, shifts));
  lock.unlock();
  return pal::load(stub);
}

void forget_code() {
  pal::syscall(SYS_madvise, cache, sizeof(Cache), MADV_DONTNEED);  // private memory: it reads as zero again
  forget_stubs();
  lock.unlock();
}

}  // namespace segwhy::runtime::exact
