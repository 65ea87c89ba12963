// TargetAddr: an address in the monitored process (or a core file), never one of ours.
//
// A foreign address is never a raw pointer: it cannot be dereferenced by mistake, and arithmetic on it wraps like
// the hardware's does instead of being undefined.
#pragma once

#include <compare>
#include <cstdint>

namespace segwhy {

class TargetAddr {
 public:
  constexpr TargetAddr() = default;
  constexpr explicit TargetAddr(std::uint64_t value) : value_(value) {}

  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }
  [[nodiscard]] constexpr bool is_null() const { return value_ == 0; }

  friend constexpr auto operator<=>(TargetAddr, TargetAddr) = default;
  friend constexpr TargetAddr operator+(TargetAddr a, std::uint64_t n) { return TargetAddr(a.value_ + n); }
  friend constexpr TargetAddr operator-(TargetAddr a, std::uint64_t n) { return TargetAddr(a.value_ - n); }
  // Distance in bytes; meaningful as a signed number when the two are in the same object.
  friend constexpr std::uint64_t operator-(TargetAddr a, TargetAddr b) { return a.value_ - b.value_; }

 private:
  std::uint64_t value_ = 0;
};

}  // namespace segwhy
