// CachedMemory: turns many small reads of a frozen target into few large ones.
//
// Keeps whole pages, and remembers pages that cannot be read (garbage pointers are followed often). Owns its source.
// Large reads pass through uncached. Bounded: beyond kMaxPages it forgets everything and starts again. Not thread-safe.
// What it keeps is right as long as the target does not run; a source over a running target gives a stale view, which
// is what a capture without ptrace has to live with.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/memory_reader.h"

namespace segwhy {

class CachedMemory final : public MemoryReader {
 public:
  static constexpr std::size_t kPageSize = 4096;

  // A miss fetches up to `fetch_pages` pages from the missed one on: more for a source whose calls are expensive.
  CachedMemory(std::unique_ptr<MemoryReader> source, std::size_t fetch_pages);

  std::size_t read(TargetAddr from, std::span<std::byte> out) override;

 private:
  static constexpr std::size_t kMaxPages = 16384;  // 64 MiB
  using Page = std::array<std::byte, kPageSize>;

  // The page's bytes, or null when it cannot be read.
  const Page* page(std::uint64_t number);
  void fetch(std::uint64_t first);

  std::unique_ptr<MemoryReader> source_;
  std::vector<std::byte> buffer_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Page>> pages_;  // null: unreadable
};

}  // namespace segwhy
