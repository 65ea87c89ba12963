#include "diagnose/access.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace segwhy {

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

std::optional<std::uint64_t> bytes_left(const Fault& fault) {
  if (!fault.instruction || fault.instruction->category != "string" || !fault.instruction->text.starts_with("rep"))
    return std::nullopt;
  for (const Operand& operand : fault.instruction->operands) {
    std::uint64_t bytes = 0;
    if (operand.kind == "register" && operand.text == "rcx" && operand.value &&
        !__builtin_mul_overflow(*operand.value, std::uint64_t{std::max(fault.width, 1U)}, &bytes))
      return bytes;
  }
  return std::nullopt;
}

bool ran_into_next_mapping(const Fault& fault) {
  constexpr std::uint64_t kPage = 4096;
  const auto left = bytes_left(fault);
  return left && fault.inside && fault.address &&
         *fault.address - fault.inside->start<kPage&& * left> fault.inside->end - *fault.address;
}

std::string access_phrase(const Fault& fault) {
  const auto left = bytes_left(fault);
  std::string where = fault.address ? " at " + hex(*fault.address) : "";
  if (left) where += fmt::format(" with {} still to go", human_bytes(*left));
  const std::string width =
      fault.width == 0 || left ? "" : fmt::format(" {} byte{}", fault.width, fault.width == 1 ? "" : "s");
  if (fault.access == "write") return "wrote" + width + where;
  if (fault.access == "execute") return "jumped" + (fault.address ? " to " + hex(*fault.address) : std::string());
  if (fault.access == "read") return "read" + width + where;
  return "accessed memory" + where;
}

std::string out_of_bounds_slug(const Fault& fault) {
  return fault.access == "write" ? "out-of-bounds-write" : "out-of-bounds-read";
}

}  // namespace segwhy
