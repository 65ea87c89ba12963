#include "unwind/stack_reader.h"

#include <algorithm>
#include <cstring>

namespace segwhy {
namespace {

constexpr std::size_t kLargestWindow = std::size_t{256} << 10;

}  // namespace

std::optional<std::uint64_t> StackReader::value(TargetAddr at, std::size_t size) {
  const std::byte* bytes = find(at, size);
  if (bytes == nullptr) {
    refill(at);
    bytes = find(at, size);
  }
  if (bytes == nullptr) return std::nullopt;
  std::uint64_t out = 0;
  std::memcpy(&out, bytes, std::min(size, sizeof out));
  return out;
}

const std::byte* StackReader::find(TargetAddr at, std::size_t size) const {
  const std::uint64_t skip = at - start_;
  if (skip > window_.size() || size > window_.size() - skip) return nullptr;
  return window_.data() + skip;
}

void StackReader::refill(TargetAddr at) {
  // Begin a little below: a frame's saved registers lie on both sides of the word asked for first. Not when that part
  // is unreadable (a guard page), since a read stops at the first unreadable byte.
  constexpr std::uint64_t kBelow = 256;
  for (const std::uint64_t below : {kBelow, std::uint64_t{0}}) {
    start_ = at - below;
    window_.resize(next_size_);
    window_.resize(memory_->read(start_, window_));
    if (window_.size() > below) break;
  }
  next_size_ = std::min(next_size_ * 2, kLargestWindow);
}

}  // namespace segwhy
