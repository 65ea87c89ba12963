// ByteView: checked, unaligned reads of fixed-layout little-endian data from bytes that may be short or hostile.
//
// Does not own the bytes. Every read names its offset and is absent when it does not fit; nothing here can overflow.
// Pure, thread-safe.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace segwhy {

class ByteView {
 public:
  ByteView() = default;
  explicit ByteView(std::span<const std::byte> bytes) : bytes_(bytes) {}
  explicit ByteView(std::string_view text) : bytes_(std::as_bytes(std::span(text))) {}

  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] std::span<const std::byte> span() const { return bytes_; }
  [[nodiscard]] bool holds(std::uint64_t offset, std::uint64_t size) const {
    return offset <= bytes_.size() && size <= bytes_.size() - offset;
  }

  // The T at `offset`: an integer or a plain struct of the file format (<elf.h>).
  template <class T>
  [[nodiscard]] std::optional<T> at(std::uint64_t offset) const {
    static_assert(std::is_trivially_copyable_v<T> && std::endian::native == std::endian::little);
    if (!holds(offset, sizeof(T))) return std::nullopt;
    T out;
    std::memcpy(&out, bytes_.data() + offset, sizeof(T));
    return out;
  }

  // Exactly `size` bytes.
  [[nodiscard]] std::optional<ByteView> slice(std::uint64_t offset, std::uint64_t size) const {
    if (!holds(offset, size)) return std::nullopt;
    return ByteView(bytes_.subspan(offset, size));
  }

  // Text up to its NUL, which must come before the end of the bytes.
  [[nodiscard]] std::optional<std::string_view> c_string(std::uint64_t offset) const {
    if (offset >= bytes_.size()) return std::nullopt;
    const auto* text = reinterpret_cast<const char*>(bytes_.data()) + offset;
    const void* nul = std::memchr(text, '\0', bytes_.size() - offset);
    if (nul == nullptr) return std::nullopt;
    return std::string_view(text, static_cast<std::size_t>(static_cast<const char*>(nul) - text));
  }

  // Text of a fixed-size field: up to its NUL or its end.
  [[nodiscard]] std::optional<std::string_view> field(std::uint64_t offset, std::uint64_t size) const {
    if (!holds(offset, size)) return std::nullopt;
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data()) + offset, size);
    return text.substr(0, text.find('\0'));
  }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace segwhy
