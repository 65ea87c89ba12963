// What an allocator says when it finds its own state broken: glibc, tcmalloc, jemalloc, mimalloc, CPython's debug
// allocator.
#pragma once

#include <optional>
#include <string>

#include "diagnose/messages/lines.h"

namespace segwhy::text {

struct HeapComplaint {
  // How far the words alone go. kMetadata: some bookkeeping is broken, by whom is open.
  enum class Kind { kDoubleFree, kInvalidFree, kMetadata };
  Kind kind = Kind::kMetadata;
  // The allocator found the block on its own list of freed ones: freed twice, with no other reading.
  bool proven = false;
  std::string allocator;  // "glibc", "tcmalloc", "jemalloc", "mimalloc", "CPython"
  std::string text;
};

// The last one in the text. A complaint stands at the start of a line (glibc prints nothing before it).
[[nodiscard]] std::optional<HeapComplaint> find_heap_complaint(const Lines& lines);

}  // namespace segwhy::text
