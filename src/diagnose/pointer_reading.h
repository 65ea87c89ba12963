// What a number in a pointer register gives away: text, a floating-point number, a fill pattern, a link of glibc's list
// of freed blocks.
//
// Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "evidence/model/case.h"

namespace segwhy {

// Below this an address is a null pointer plus a member's or element's offset (vm.mmap_min_addr keeps it unmapped).
inline constexpr Address kNullZone = 64 * 1024;

[[nodiscard]] constexpr bool is_null_zone(Address address) {
  return address < kNullZone;
}
// x86-64 with four-level tables; the upper half belongs to the kernel and is as unusable to a program.
[[nodiscard]] constexpr bool is_user_address(Address address) {
  return address < (Address{1} << 47);
}

struct Reading {
  enum class Kind { kText, kFreedFill, kFreshFill, kFreeListLink, kFloat, kCutPointer };
  Kind kind = Kind::kText;
  std::string sentence;  // "the text \"AAAAAAAA\""
  bool sure = true;      // false: other numbers look like that, too
};

// nullopt when the value looks like an ordinary pointer or number. `evidence` supplies MALLOC_PERTURB_ and where the
// heap can be.
[[nodiscard]] std::optional<Reading> read_pointer_value(std::uint64_t value, const Case& evidence);

}  // namespace segwhy
