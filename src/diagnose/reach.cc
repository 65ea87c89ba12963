#include "diagnose/reach.h"

#include <fmt/format.h>

#include <array>

#include "base/text.h"
#include "diagnose/access.h"

namespace segwhy {
namespace {

bool holds(const MappingInfo& mapping, Address address) {
  return mapping.start <= address && address < mapping.end;
}

bool permits(const MappingInfo& mapping, std::string_view access) {
  const std::string& permissions = mapping.permissions;
  if (permissions.size() < 3 || permissions[0] != 'r') return false;
  return access != "write" || permissions[1] == 'w';
}

}  // namespace

std::optional<BaseReading> read_base(const Operand& operand, const Case& evidence) {
  const auto base = register_value(operand, operand.base);
  if (!base) return std::nullopt;
  auto reading = read_pointer_value(*base, evidence);
  if (!reading) return std::nullopt;
  return BaseReading{operand.base, *base, std::move(*reading)};
}

std::string sentence_of(const BaseReading& base) {
  return fmt::format("{} = {} is {}.", base.register_name, hex(base.value), base.reading.sentence);
}

std::optional<Reach> reach_of(const Fault& fault) {
  const Operand* operand = faulting_operand(fault);
  if (operand == nullptr || !operand->address) return std::nullopt;
  // Compilers put the array into either register when the scale is 1.
  const auto base = register_value(*operand, operand->base);
  const auto index = register_value(*operand, operand->index);
  struct Choice {
    std::optional<std::uint64_t> pointer, offset;
    const std::string *pointer_name, *offset_name;
  };
  const std::array<Choice, 2> choices = {
      {{base, index, &operand->base, &operand->index}, {index, base, &operand->index, &operand->base}}};
  for (std::size_t i = 0; i < (operand->scale <= 1 ? 2U : 1U); ++i) {
    const Choice& choice = choices.at(i);
    if (!choice.pointer) continue;
    // A pointer into the mapping that refused the access is no good pointer, and one without a distance is the address.
    if (*operand->address == *choice.pointer) continue;
    for (const auto* mapping : {&fault.below, &fault.above}) {
      if (!*mapping || !holds(**mapping, *choice.pointer) || !permits(**mapping, fault.access)) continue;
      Reach reach;
      reach.mapping = **mapping;
      reach.base = *choice.pointer;
      reach.base_register = *choice.pointer_name;
      reach.index_register = choice.offset ? *choice.offset_name : "";
      reach.index = static_cast<std::int64_t>(choice.offset.value_or(0));
      reach.distance = static_cast<std::int64_t>(*operand->address - *choice.pointer);
      return reach;
    }
  }
  return std::nullopt;
}

}  // namespace segwhy
