// MemoryReader: the one interface through which any layer reads the target's memory.
//
// Implementations: a live process (capture/), a core file (capture/), hand-filled memory (tests). The target is
// broken by definition, so every read may fail or be short, and nothing read may be trusted without a check.
// A reader is not thread-safe; it is valid as long as the capture that made it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "base/target_addr.h"

namespace segwhy {

class MemoryReader {
 public:
  MemoryReader() = default;
  MemoryReader(const MemoryReader&) = delete;
  MemoryReader& operator=(const MemoryReader&) = delete;
  virtual ~MemoryReader() = default;

  // Copies up to out.size() bytes from `from`; returns how many leading bytes are valid (0 when none is readable).
  virtual std::size_t read(TargetAddr from, std::span<std::byte> out) = 0;

  // All of `out` or nothing.
  [[nodiscard]] bool read_exact(TargetAddr from, std::span<std::byte> out) { return read(from, out) == out.size(); }

  template <class T>
  [[nodiscard]] std::optional<T> value(TargetAddr from) {
    static_assert(std::is_trivially_copyable_v<T>);
    T out;
    if (!read_exact(from, std::as_writable_bytes(std::span(&out, 1)))) return std::nullopt;
    return out;
  }

  // A pointer-sized word of the target as an address.
  [[nodiscard]] std::optional<TargetAddr> pointer(TargetAddr from) {
    const auto word = value<std::uint64_t>(from);
    if (!word) return std::nullopt;
    return TargetAddr(*word);
  }

  // A NUL-terminated string of at most `max` bytes; nullopt when unreadable or not terminated within `max`.
  [[nodiscard]] std::optional<std::string> c_string(TargetAddr from, std::size_t max = 4096);

  // Exactly `size` bytes; nullopt when any is unreadable or `size` exceeds `max` (a guard against garbage lengths).
  [[nodiscard]] std::optional<std::vector<std::byte>> bytes(TargetAddr from, std::size_t size,
                                                            std::size_t max = std::size_t{1} << 24);
};

}  // namespace segwhy
