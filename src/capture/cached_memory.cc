#include "capture/cached_memory.h"

#include <algorithm>
#include <cstring>

namespace segwhy {

CachedMemory::CachedMemory(std::unique_ptr<MemoryReader> source, std::size_t fetch_pages)
    : source_(std::move(source)), buffer_(std::max<std::size_t>(fetch_pages, 1) * kPageSize) {}

std::size_t CachedMemory::read(TargetAddr from, std::span<std::byte> out) {
  constexpr std::size_t kLarge = 16 * kPageSize;
  // Memory does not wrap around: a range that would is cut at the end of the address space.
  const std::uint64_t room = ~from.value();
  if (out.size() > room) out = out.first(static_cast<std::size_t>(room));
  if (out.size() >= kLarge) return source_->read(from, out);
  std::size_t done = 0;
  while (done < out.size()) {
    const std::uint64_t at = from.value() + done;
    const Page* bytes = page(at / kPageSize);
    if (bytes == nullptr) break;
    const std::size_t offset = at % kPageSize;
    const std::size_t n = std::min(out.size() - done, kPageSize - offset);
    std::memcpy(out.data() + done, bytes->data() + offset, n);
    done += n;
  }
  return done;
}

const CachedMemory::Page* CachedMemory::page(std::uint64_t number) {
  auto found = pages_.find(number);
  if (found == pages_.end()) {
    fetch(number);
    found = pages_.find(number);
  }
  return found->second.get();
}

// Afterwards pages_ has an entry for `first`.
void CachedMemory::fetch(std::uint64_t first) {
  if (pages_.size() >= kMaxPages) pages_.clear();
  const std::size_t got = source_->read(TargetAddr(first * kPageSize), buffer_) / kPageSize;
  for (std::size_t i = 0; i < got; ++i) {
    auto& slot = pages_[first + i];
    if (!slot) slot = std::make_unique_for_overwrite<Page>();
    std::memcpy(slot->data(), buffer_.data() + i * kPageSize, kPageSize);
  }
  pages_.try_emplace(first);
}

}  // namespace segwhy
