#include "frameworks/target_view.h"

#include <algorithm>
#include <cstring>

namespace segwhy {

TargetView::TargetView(const Snapshot& snapshot, std::uint64_t budget) : snapshot_(snapshot), budget_(budget) {}

const TargetView::Page* TargetView::page(std::uint64_t number) {
  if (number == last_number_) return last_page_;
  auto found = pages_.find(number);
  if (found == pages_.end()) {
    if (pages_.size() >= kPagesKept) pages_.clear();
    auto fresh = std::make_unique<Page>();
    if (snapshot_.memory == nullptr || !snapshot_.memory->read_exact(TargetAddr(number * kPage), *fresh)) fresh.reset();
    found = pages_.emplace(number, std::move(fresh)).first;
  }
  last_number_ = number;
  last_page_ = found->second.get();
  return last_page_;
}

bool TargetView::read(std::uint64_t address, std::span<std::byte> out) {
  const std::uint64_t cost = 1 + out.size() / kPage;
  if (budget_ < cost || address + out.size() < address) {
    budget_ = budget_ < cost ? 0 : budget_;
    return false;
  }
  budget_ -= cost;
  while (!out.empty()) {
    const Page* from = page(address / kPage);
    if (from == nullptr) return false;
    const std::size_t offset = address % kPage;
    const std::size_t count = std::min(out.size(), kPage - offset);
    std::memcpy(out.data(), from->data() + offset, count);
    out = out.subspan(count);
    address += count;
  }
  return true;
}

std::optional<std::string> TargetView::text(std::uint64_t address, std::uint64_t size, std::uint64_t max) {
  if (size > max) return std::nullopt;
  std::string out(size, '\0');
  if (!read(address, std::as_writable_bytes(std::span(out)))) return std::nullopt;
  return out;
}

std::optional<std::string> TargetView::c_string(std::uint64_t address, std::size_t max) {
  std::string out;
  while (out.size() < max) {
    // Never across a page boundary, behind which nothing may be mapped.
    const std::uint64_t at = address + out.size();
    const auto chunk = text(at, std::min<std::uint64_t>({64, kPage - at % kPage, max - out.size()}), 64);
    if (!chunk) return std::nullopt;
    const std::size_t end = chunk->find('\0');
    out.append(*chunk, 0, end);
    if (end != std::string::npos) return out;
  }
  return std::nullopt;
}

const Mapping* TargetView::mapping(std::uint64_t address) {
  const TargetAddr at(address);
  if (last_mapping_ != nullptr && last_mapping_->contains(at)) return last_mapping_;
  const Mapping* found = snapshot_.mapping_of(at);
  if (found != nullptr) last_mapping_ = found;
  return found;
}

bool TargetView::may_hold_object(std::uint64_t address) {
  if (address < kPage || address % sizeof(std::uint64_t) != 0) return false;
  const Mapping* in = mapping(address);
  return in != nullptr && in->readable;
}

bool TargetView::in_module_data(std::uint64_t address) {
  const Mapping* in = mapping(address);
  return in != nullptr && in->readable && in->path.starts_with("/");
}

}  // namespace segwhy
