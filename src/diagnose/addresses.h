// What the operands of a faulting access say of it, and where its address lies relative to what is mapped.
//
// Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "diagnose/pointer_reading.h"
#include "evidence/model/case.h"

namespace segwhy {

// The memory operand that faulted: the one the decoder names, else the one whose address is the fault's, else the only
// one; nullptr without.
[[nodiscard]] const Operand* faulting_operand(const Fault& fault);
[[nodiscard]] std::optional<std::uint64_t> register_value(const Operand& operand, const std::string& name);

// What the pointer of a memory operand gives away. Only the base is a pointer: an index may hold any number.
struct BaseReading {
  std::string register_name;
  std::uint64_t value = 0;
  Reading reading;
};
[[nodiscard]] std::optional<BaseReading> read_base(const Operand& operand, const Case& evidence);

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

// "unmapped, 12.0 KiB above libfoo.so (r-xp)".
[[nodiscard]] std::string describe_place(const Fault& fault);
// "log.txt", "[heap]", "an anonymous mapping (rw-p)".
[[nodiscard]] std::string describe(const MappingInfo& mapping);

}  // namespace segwhy
