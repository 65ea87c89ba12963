#include "decode/fault_operand.h"

#include <algorithm>

namespace segwhy {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kDirectionFlag = 1U << 10U;

struct Range {
  std::uint64_t begin = 0, end = 0;  // half-open

  [[nodiscard]] bool contains(std::uint64_t a) const { return a >= begin && a < end; }
};

// Everything a repeated string instruction may still touch at its current pointer; the CPU moves ahead in larger units
// than its operand, so a fault may lie a little behind the pointer already.
Range repeated_range(std::uint64_t address, std::uint32_t width, const Registers& registers) {
  constexpr std::uint64_t kSlack = 64;
  const std::uint64_t count = registers.dwarf[Registers::kRcx];
  const std::uint64_t limit = UINT64_MAX / 16;
  const std::uint64_t bytes = std::min(count, limit / std::max(width, 1U)) * width;
  if ((registers.eflags & kDirectionFlag) != 0) {
    return {address - std::min(address, bytes), address + width + kSlack};
  }
  return {address - std::min(address, kSlack), address + std::min(bytes + kSlack, UINT64_MAX - address)};
}

OperandMatch match_of(const Decoded& decoded, std::size_t index, std::uint64_t address) {
  const ZydisDecodedOperand& operand = decoded.operands[index];
  OperandMatch match;
  match.index = index;
  match.address = address;
  match.width = operand.size / 8U;
  match.read = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
  match.written = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
  return match;
}

// State-saving instructions have no width of their own; they write less than a page or two.
Range access_range(const Decoded& decoded, std::uint64_t at, std::uint32_t width, const Registers& registers) {
  if (is_repeated(decoded)) return repeated_range(at, width, registers);
  const std::uint64_t size = width == 0 ? 2 * kPage : width;
  return {at, at + std::min(size, UINT64_MAX - at)};
}

// What a call, jump or return would load into the instruction pointer from a register or from memory.
std::optional<std::uint64_t> branch_target(const Decoded& decoded, const Registers& registers, MemoryReader& memory) {
  const auto category = decoded.instruction.meta.category;
  const bool returns = category == ZYDIS_CATEGORY_RET;
  if (!returns && category != ZYDIS_CATEGORY_CALL && category != ZYDIS_CATEGORY_UNCOND_BR) return std::nullopt;
  for (const ZydisDecodedOperand& operand : decoded.all_operands()) {
    const bool read = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
    const bool visible = operand.visibility != ZYDIS_OPERAND_VISIBILITY_HIDDEN;
    if (!read || visible == returns) continue;  // a return's is on the stack, the others' is spelled out
    if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER && visible) return register_value(registers, operand.reg.value);
    if (operand.type != ZYDIS_OPERAND_TYPE_MEMORY) continue;
    const auto at = effective_address(decoded, operand, registers);
    return at ? memory.value<std::uint64_t>(TargetAddr(*at)) : std::nullopt;
  }
  return std::nullopt;
}

bool touches_non_canonical(std::uint64_t address, std::uint32_t width) {
  return !is_canonical(address) || (width > 1 && !is_canonical(address + width - 1));
}

}  // namespace

bool is_canonical(std::uint64_t address) {
  const auto upper = static_cast<std::int64_t>(address) >> 47;
  return upper == 0 || upper == -1;
}

std::optional<OperandMatch> operand_covering(const Decoded& decoded, const Registers& registers, std::uint64_t address,
                                             std::optional<bool> written) {
  std::optional<OperandMatch> best;
  std::optional<std::size_t> unknown;  // lanes of a gather or scatter
  const auto operands = decoded.all_operands();
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (!accesses_memory(decoded, operands[i])) continue;
    const auto at = effective_address(decoded, operands[i], registers);
    if (!at) {
      unknown = i;
      continue;
    }
    OperandMatch match = match_of(decoded, i, *at);
    if (!access_range(decoded, *at, match.width, registers).contains(address)) continue;
    if (is_repeated(decoded)) match.address = address;
    const bool agrees = written && *written == match.written;
    if (!best || agrees) best = match;
  }
  if (!best && unknown) best = match_of(decoded, *unknown, address);
  return best;
}

Refusal explain_refusal(const Decoded& decoded, const Registers& registers, MemoryReader& memory) {
  Refusal refusal;
  const auto operands = decoded.all_operands();
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (!accesses_memory(decoded, operands[i])) continue;
    const auto at = effective_address(decoded, operands[i], registers);
    if (!at) continue;
    const OperandMatch match = match_of(decoded, i, *at);
    if (touches_non_canonical(*at, match.width)) {
      refusal.operand = match;
      refusal.address = *at;
      refusal.misaligned = false;
      return refusal;
    }
    if (!refusal.operand && *at % required_alignment(decoded, operands[i]) != 0) {
      refusal.operand = match;
      refusal.address = *at;
      refusal.misaligned = true;
    }
  }
  if (refusal.misaligned) return refusal;
  const auto target = branch_target(decoded, registers, memory);
  if (target && !is_canonical(*target)) {
    refusal.address = *target;
    refusal.execute = true;
  }
  return refusal;
}

}  // namespace segwhy
