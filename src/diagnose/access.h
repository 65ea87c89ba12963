// The faulting access itself: its operand, its direction and width, and how much of a repeated one was left.
//
// Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "evidence/model/case.h"

namespace segwhy {

// The memory operand that faulted: the one the decoder names, else the one whose address is the fault's, else the only
// one; nullptr without.
[[nodiscard]] const Operand* faulting_operand(const Fault& fault);
[[nodiscard]] std::optional<std::uint64_t> register_value(const Operand& operand, const std::string& name);

// Bytes that a repeated string instruction (rep stosb) had not yet touched; nullopt for any other.
[[nodiscard]] std::optional<std::uint64_t> bytes_left(const Fault& fault);

// A repeated instruction that entered the mapping at its start with more left than the mapping holds: it came from the
// memory before.
[[nodiscard]] bool ran_into_next_mapping(const Fault& fault);

// "read 8 bytes at 0x10", "wrote at 0x7f..", "accessed memory at 0x10". A repeated instruction says how much it had
// left.
[[nodiscard]] std::string access_phrase(const Fault& fault);

// "out-of-bounds-write" or "out-of-bounds-read" by the direction of the access.
[[nodiscard]] std::string out_of_bounds_slug(const Fault& fault);

}  // namespace segwhy
