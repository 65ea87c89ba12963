#include "runtime/crash/alt_stack.h"

#include <sys/auxv.h>
#include <sys/mman.h>

#include "runtime/pal/atomic.h"
#include "runtime/pal/syscall.h"

namespace segwhy::runtime {
namespace {

constexpr size_t kPageBytes = 4096;
constexpr size_t kStackBytes = 64 * 1024;
constexpr size_t kPooled = 64;
// Each stack is two mappings; the kernel's default limit of 65,530 is the application's, not the runtime's to use up.
constexpr uint32_t kMaxStacks = 8192;

AltStack* pool[kPooled];
uint32_t stack_count;

[[nodiscard]] size_t signal_frame_bytes() {
  const size_t reported = getauxval(AT_MINSIGSTKSZ);
  return reported != 0 ? reported : size_t{2048};  // MINSIGSTKSZ of old
}

[[nodiscard]] size_t mapping_bytes() {
  const size_t wanted = signal_frame_bytes() * 4;
  const size_t usable = wanted > kStackBytes ? (wanted + kPageBytes - 1) & ~(kPageBytes - 1) : kStackBytes;
  return kPageBytes + usable + kPageBytes;  // guard page, stack, the page of the AltStack
}

[[nodiscard]] AltStack* map_stack() {
  const size_t bytes = mapping_bytes();
  const long address = pal::syscall(SYS_mmap, nullptr, bytes, PROT_NONE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0L);
  if (address < 0) return nullptr;
  char* const base = reinterpret_cast<char*>(address) + kPageBytes;
  if (pal::syscall(SYS_mprotect, base, bytes - kPageBytes, PROT_READ | PROT_WRITE) != 0) {
    pal::syscall(SYS_munmap, address, bytes);
    return nullptr;
  }
  auto* const stack = reinterpret_cast<AltStack*>(base + bytes - 2 * kPageBytes);
  stack->base = base;
  stack->size = bytes - 2 * kPageBytes;
  return stack;
}

}  // namespace

AltStack* acquire_alt_stack() {
  for (AltStack*& slot : pool) {
    if (pal::load(slot) == nullptr) continue;
    if (AltStack* const stack = pal::exchange(slot, nullptr)) return stack;
  }
  if (pal::fetch_add(stack_count, 1) < kMaxStacks) {
    if (AltStack* const stack = map_stack()) return stack;
  }
  pal::fetch_add(stack_count, -1);
  return nullptr;
}

void release_alt_stack(AltStack* stack) {
  stack->application = {};
  for (AltStack*& slot : pool) {
    if (pal::load(slot) == nullptr && pal::compare_exchange(slot, static_cast<AltStack*>(nullptr), stack)) return;
  }
  pal::syscall(SYS_munmap, stack->base - kPageBytes, mapping_bytes());
  pal::fetch_add(stack_count, -1);
}

size_t smallest_usable_stack() {
  constexpr size_t kHandlerBytes = 3072;  // decoding an access takes the most
  return signal_frame_bytes() + kHandlerBytes;
}

void install_alt_stack(const AltStack* stack) {
  if (stack == nullptr) return;
  const stack_t signal_stack = stack->as_stack();
  pal::set_signal_stack(&signal_stack);
}

}  // namespace segwhy::runtime
