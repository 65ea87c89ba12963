// What the registers of a faulting access say of it: what its pointer is, and whether a good one was carried too far.
//
// Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "diagnose/pointer_reading.h"
#include "evidence/model/case.h"

namespace segwhy {

// What the pointer of a memory operand gives away. Only the base is a pointer: an index may hold any number.
struct BaseReading {
  std::string register_name;
  std::uint64_t value = 0;
  Reading reading;
};
[[nodiscard]] std::optional<BaseReading> read_base(const Operand& operand, const Case& evidence);
// "rax = 0x4141414141414141 is the text "AAAAAAAA"."
[[nodiscard]] std::string sentence_of(const BaseReading& base);

// An access base[index*scale + displacement] split into a base that points into something mapped, where the access
// would have been allowed, and a distance that leaves it.
struct Reach {
  MappingInfo mapping;  // that the base points into
  std::uint64_t base = 0;
  std::string base_register, index_register;
  std::int64_t index = 0;
  std::int64_t distance = 0;  // bytes from base to the access
};
[[nodiscard]] std::optional<Reach> reach_of(const Fault& fault);

}  // namespace segwhy
