#include "runtime/heap/quarantine.h"

#include <sys/mman.h>

#include "runtime/pal/owner_lock.h"
#include "runtime/pal/syscall.h"

namespace segwhy::runtime::heap {
namespace {

constexpr uint32_t kQueues = 16;
constexpr uint32_t kMostBlocks = 2048;
constexpr size_t kMostBytes = size_t{2} << 20;

struct Queue {
  pal::OwnerLock lock;
  uint32_t first, count;
  size_t bytes;
  FreedBlock blocks[kMostBlocks];
};

Queue* queues;  // kQueues; mapped, so that they cost nothing where nothing is quarantined

// A thread keeps to one queue: thread control blocks lie far apart.
[[nodiscard]] Queue& own_queue() {
  const auto thread = reinterpret_cast<uintptr_t>(__builtin_thread_pointer());
  return queues[(thread * 0x9e3779b97f4a7c15) >> 60];
}
static_assert(kQueues == 1u << (64 - 60));

[[nodiscard]] FreedBlock take_oldest(Queue& queue) {
  const FreedBlock oldest = queue.blocks[queue.first];
  queue.first = (queue.first + 1) % kMostBlocks;
  --queue.count;
  queue.bytes -= oldest.size;
  return oldest;
}

}  // namespace

bool prepare_quarantine() {
  constexpr size_t kBytes = kQueues * sizeof(Queue);
  const long address =
      pal::syscall(SYS_mmap, nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);
  if (address < 0) return false;
  queues = reinterpret_cast<Queue*>(address);
  return true;
}

int quarantine(const FreedBlock& block, FreedBlock* leaving) {
  Queue& queue = own_queue();
  if (!queue.lock.lock()) return -1;
  int count = 0;
  while (queue.count != 0 && count < kMostLeaving &&
         (queue.count == kMostBlocks || queue.bytes + block.size > kMostBytes)) {
    leaving[count++] = take_oldest(queue);
  }
  queue.blocks[(queue.first + queue.count) % kMostBlocks] = block;
  ++queue.count;
  queue.bytes += block.size;
  queue.lock.unlock();
  return count;
}

void look_at_quarantined(void (*look)(const FreedBlock&)) {
  for (uint32_t index = 0; index < kQueues; ++index) {
    Queue& queue = queues[index];
    if (!queue.lock.lock()) continue;
    for (uint32_t i = 0; i < queue.count; ++i) look(queue.blocks[(queue.first + i) % kMostBlocks]);
    queue.lock.unlock();
  }
}

void lock_quarantine() {
  for (uint32_t i = 0; queues != nullptr && i < kQueues; ++i) (void)queues[i].lock.lock();
}

void unlock_quarantine() {
  for (uint32_t i = 0; queues != nullptr && i < kQueues; ++i) queues[i].lock.unlock();
}

}  // namespace segwhy::runtime::heap
