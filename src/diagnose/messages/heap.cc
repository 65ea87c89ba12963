#include "diagnose/messages/heap.h"

#include <array>

#include "base/text.h"

namespace segwhy::text {
namespace {

using Kind = HeapComplaint::Kind;

struct Phrase {
  std::string_view text;
  Kind kind;
  bool proven;
};

// glibc's malloc_printerr texts, 2.17 to 2.40. A check of a neighbour's size or of a list's links fails after any kind
// of damage, so only those that look at the freed block itself say more than kMetadata:
// "tcache 2" walks the list of freed blocks and finds this one; "fasttop" finds it at the top of its list.
// "(!prev)" trusts a flag that an overflow also changes.
constexpr Phrase kGlibc[] = {
    {"free(): double free detected in tcache", Kind::kDoubleFree, true},
    {"double free or corruption (fasttop)", Kind::kDoubleFree, true},
    {"double free or corruption", Kind::kMetadata, false},
    {"free(): invalid pointer", Kind::kInvalidFree, false},
    {"munmap_chunk(): invalid pointer", Kind::kInvalidFree, false},
    {"realloc(): invalid pointer", Kind::kInvalidFree, false},
    {"mremap_chunk(): invalid pointer", Kind::kInvalidFree, false},
    {"free(): ", Kind::kMetadata, false},
    {"malloc(): ", Kind::kMetadata, false},
    {"realloc(): ", Kind::kMetadata, false},
    {"calloc(): ", Kind::kMetadata, false},
    {"malloc_consolidate(): ", Kind::kMetadata, false},
    {"corrupted size vs. prev_size", Kind::kMetadata, false},
    {"corrupted double-linked list", Kind::kMetadata, false},
    {"break adjusted to free malloc space", Kind::kMetadata, false},
    {"tcache_thread_shutdown(): ", Kind::kMetadata, false},
    {"unaligned tcache chunk", Kind::kMetadata, false},
};

// What follows a phrase is a few plain words: "invalid next size (normal)". A sentence about heaps is somebody else's.
bool ends_as_glibc_does(std::string_view rest) {
  constexpr std::size_t kLongest = 48;
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyz0123456789 ()!>._-";
  if (rest.size() > kLongest || rest.find_first_not_of(kPlain) != std::string_view::npos) return false;
  return rest.empty() || rest.ends_with(')') ||
         contains_any(rest, {"invalid", "corrupt", "unaligned", "mismatching", "too many", "while consolidating",
                             "in fastbins", "detected"}) ||
         rest.find_first_not_of(" 0123456789") == std::string_view::npos;
}

std::optional<HeapComplaint> glibc(std::string_view line) {
  // Before 2.26: "*** Error in `python': free(): invalid pointer: 0x... ***".
  if (const auto old = after(line, "*** Error in `")) {
    line = after(*old, "': ").value_or(line);
    line = line.substr(0, line.find(": 0x"));
  }
  for (const Phrase& phrase : kGlibc)
    if (line.starts_with(phrase.text) && ends_as_glibc_does(line.substr(phrase.text.size())))
      return HeapComplaint{phrase.kind, phrase.proven, "glibc", {}};
  // sysmalloc and friends assert: "Fatal glibc error: malloc assertion failure in sysmalloc: ...".
  if (contains_any(line, {"malloc assertion failure", "sysmalloc: Assertion"}))
    return HeapComplaint{Kind::kMetadata, false, "glibc", {}};
  return std::nullopt;
}

std::optional<HeapComplaint> others(std::string_view line) {
  if (contains(line, "Attempt to free invalid pointer"))
    return HeapComplaint{Kind::kInvalidFree, false, "tcmalloc", {}};
  if (contains(line, "mimalloc: error: ") || contains(line, "mimalloc: assertion")) {
    const bool twice = contains(line, "double free");
    const bool invalid = contains(line, "invalid pointer") || contains(line, "pointer that was not allocated");
    return HeapComplaint{twice     ? Kind::kDoubleFree
                         : invalid ? Kind::kInvalidFree
                                   : Kind::kMetadata,
                         twice,
                         "mimalloc",
                         {}};
  }
  if (line.starts_with("<jemalloc>: ")) {
    if (contains(line, "Error in malloc") || contains(line, "Unsupported system page size")) return std::nullopt;
    const bool twice = contains(line, "double free") || contains(line, "double-free");
    return HeapComplaint{twice ? Kind::kDoubleFree : Kind::kMetadata, twice, "jemalloc", {}};
  }
  if (line.starts_with("Debug memory block at address")) return HeapComplaint{Kind::kMetadata, false, "CPython", {}};
  return std::nullopt;
}

}  // namespace

std::optional<HeapComplaint> find_heap_complaint(const Lines& lines) {
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    auto found = glibc(*line);
    if (!found) found = others(*line);
    if (!found) continue;
    found->text = trim(*line);
    return found;
  }
  return std::nullopt;
}

}  // namespace segwhy::text
