#include "capture/thread_pointer.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <span>

namespace segwhy {
namespace {

constexpr std::size_t kWords = 256;  // glibc's block has the list some 700 bytes from its start
constexpr std::size_t kSelf = 2;     // tcbhead_t: tcb, dtv, self; the first and the third point to the block

}  // namespace

std::optional<std::uint64_t> thread_block_before(std::uint64_t robust_list, MemoryReader& memory) {
  constexpr std::uint64_t kBytes = kWords * sizeof(std::uint64_t);
  if (robust_list < kBytes || robust_list % sizeof(std::uint64_t) != 0) return std::nullopt;
  std::array<std::uint64_t, kWords> words{};
  const std::uint64_t start = robust_list - kBytes;
  // What lies before the block may be unmapped: page by page from behind, half of it at least.
  for (std::size_t skip = 0; skip < kWords; skip += kWords / 4) {
    const auto part = std::span(words).subspan(skip);
    if (!memory.read_exact(TargetAddr(start + skip * sizeof(std::uint64_t)), std::as_writable_bytes(part))) continue;
    for (std::size_t i = kWords - 1 - kSelf; i > skip; --i) {
      const std::uint64_t address = start + i * sizeof(std::uint64_t);
      if (words.at(i) == address && words.at(i + kSelf) == address) return address;
    }
    return std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> find_thread_pointer(int tid, MemoryReader& memory) {
  std::uint64_t head = 0;
  std::size_t length = 0;
  if (::syscall(SYS_get_robust_list, tid, &head, &length) != 0 || head == 0) return std::nullopt;
  return thread_block_before(head, memory);
}

}  // namespace segwhy
