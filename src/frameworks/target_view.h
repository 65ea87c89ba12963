// TargetView: a snapshot's memory as the framework readers want it: words, cheap to ask for again, and bounded.
//
// Pages are copied once and kept, because a stack scan asks for the same few hundred pages thousands of times. Every
// question costs from a budget; when it is spent all further reads fail, so that no structure in a broken target,
// however cyclic or long, can hold the monitor up. Borrows the snapshot; not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <unordered_map>

#include "evidence/model/snapshot.h"

namespace segwhy {

class TargetView {
 public:
  static constexpr std::uint64_t kDefaultBudget = 4'000'000;

  explicit TargetView(const Snapshot& snapshot, std::uint64_t budget = kDefaultBudget);

  [[nodiscard]] bool read(std::uint64_t address, std::span<std::byte> out);

  template <class T>
  [[nodiscard]] std::optional<T> value(std::uint64_t address) {
    static_assert(std::is_trivially_copyable_v<T>);
    T out;
    if (!read(address, std::as_writable_bytes(std::span(&out, 1)))) return std::nullopt;
    return out;
  }
  [[nodiscard]] std::optional<std::uint64_t> word(std::uint64_t address) { return value<std::uint64_t>(address); }

  // `size` bytes as text; nullopt when unreadable or longer than `max`.
  [[nodiscard]] std::optional<std::string> text(std::uint64_t address, std::uint64_t size, std::uint64_t max);
  // NUL-terminated text of at most `max` bytes.
  [[nodiscard]] std::optional<std::string> c_string(std::uint64_t address, std::size_t max);

  [[nodiscard]] const Mapping* mapping(std::uint64_t address);
  // Could an object with a pointer as its first member live here: aligned, readable.
  [[nodiscard]] bool may_hold_object(std::uint64_t address);
  // The same for the constant data of a module: virtual tables, type information, their names.
  [[nodiscard]] bool in_module_data(std::uint64_t address);

 private:
  static constexpr std::size_t kPage = 4096;
  static constexpr std::size_t kPagesKept = 8192;
  using Page = std::array<std::byte, kPage>;

  [[nodiscard]] const Page* page(std::uint64_t number);

  const Snapshot& snapshot_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Page>> pages_;  // null: not readable
  const Mapping* last_mapping_ = nullptr;
  std::uint64_t last_number_ = ~std::uint64_t{0};
  const Page* last_page_ = nullptr;
  std::uint64_t budget_;
};

}  // namespace segwhy
