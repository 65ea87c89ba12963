// TensorFlow's DataType numbers (types.proto), which never change once given.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "evidence/model/case.h"

namespace segwhy::tensorflow {

struct DataType {
  const char* name;
  std::uint32_t bytes;  // of one element; 0 when elements own memory of their own (string, resource, variant)
};

// nullptr for a number that is no type. References (number + 100) count as the type they refer to.
[[nodiscard]] const DataType* data_type(std::uint32_t number);
[[nodiscard]] std::uint32_t without_reference(std::uint32_t number);

// The first values of a buffer of that type, "[0, 3, 5]" or "[0, 3, ...]" when `more`; empty for types without a plain
// printed form and for the beginnings of long float tensors.
[[nodiscard]] std::string preview_values(std::uint32_t number, std::span<const std::byte> data, bool more);

// The extremes of a buffer of 32 or 64 bit signed integers: what indices, sizes and splits are kept in. nullopt for
// another type, and for no data.
[[nodiscard]] std::optional<NumberRange> number_range(std::uint32_t number, std::span<const std::byte> data);

}  // namespace segwhy::tensorflow
