#include "diagnose/addresses.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"

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

std::string gap(const MappingInfo& mapping, const char* side) {
  return fmt::format("{} {} {}", human_bytes(mapping.distance), side, describe(mapping));
}

}  // namespace

const Operand* faulting_operand(const Fault& fault) {
  if (!fault.instruction) return nullptr;
  const auto& operands = fault.instruction->operands;
  if (fault.operand && *fault.operand < operands.size() && operands[*fault.operand].kind == "memory")
    return &operands[*fault.operand];
  const Operand* only = nullptr;
  int count = 0;
  for (const Operand& operand : operands) {
    if (operand.kind != "memory" || (!operand.read && !operand.written)) continue;
    ++count;
    only = &operand;
    // The kernel names the first byte it could not reach, which is not the first of a wide access across a page's end.
    const bool covers = operand.address && fault.address && *fault.address >= *operand.address &&
                        *fault.address - *operand.address < std::max<std::uint32_t>(operand.width, 1);
    if (covers) return &operand;
  }
  return count == 1 ? only : nullptr;
}

std::optional<std::uint64_t> register_value(const Operand& operand, const std::string& name) {
  const auto found = operand.registers.find(name);
  if (name.empty() || found == operand.registers.end()) return std::nullopt;
  return found->second;
}

std::optional<BaseReading> read_base(const Operand& operand, const Case& evidence) {
  const auto base = register_value(operand, operand.base);
  if (!base) return std::nullopt;
  auto reading = read_pointer_value(*base, evidence);
  if (!reading) return std::nullopt;
  return BaseReading{operand.base, *base, std::move(*reading)};
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

std::string describe(const MappingInfo& mapping) {
  if (mapping.path.empty()) return fmt::format("an anonymous mapping ({})", mapping.permissions);
  std::string name(mapping.path.starts_with('[') ? std::string_view(mapping.path) : base_name(mapping.path));
  if (!mapping.section.empty()) return fmt::format("{} of {} ({})", mapping.section, name, mapping.permissions);
  return fmt::format("{} ({})", name, mapping.permissions);
}

std::string describe_place(const Fault& fault) {
  if (fault.non_canonical) return "not an address the CPU accepts (non-canonical)";
  if (fault.inside) return "inside " + describe(*fault.inside);
  // What lies terabytes away says nothing.
  constexpr std::uint64_t kFar = std::uint64_t{1} << 32;
  const bool below = fault.below && fault.below->distance < kFar;
  const bool above = fault.above && fault.above->distance < kFar;
  if (below && (!above || fault.below->distance <= fault.above->distance))
    return "unmapped, " + gap(*fault.below, "above the end of");
  if (above) return "unmapped, " + gap(*fault.above, "below");
  return "unmapped";
}

}  // namespace segwhy
