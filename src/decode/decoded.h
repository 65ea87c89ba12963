// One instruction decoded by Zydis, with where it was read. Internal to decode/.
#pragma once

#include <Zydis/Zydis.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/memory_reader.h"
#include "evidence/model/snapshot.h"

namespace segwhy {

struct Decoded {
  ZydisDecodedInstruction instruction;
  std::array<ZydisDecodedOperand, ZYDIS_MAX_OPERAND_COUNT> operands;
  TargetAddr pc;
  std::vector<std::uint8_t> bytes;

  [[nodiscard]] std::span<const ZydisDecodedOperand> all_operands() const {
    return {operands.data(), instruction.operand_count};
  }
};

// nullopt when the bytes at `pc` are unreadable or no instruction.
[[nodiscard]] std::optional<Decoded> decode_at(MemoryReader& memory, TargetAddr pc);

[[nodiscard]] std::string instruction_text(const Decoded& decoded);  // Intel syntax
[[nodiscard]] std::string operand_text(const Decoded& decoded, const ZydisDecodedOperand& operand);

// The value of a general register or a part of one ("eax", "ah"), nullopt for others (vector registers are not
// captured).
[[nodiscard]] std::optional<std::uint64_t> register_value(const Registers& registers, ZydisRegister reg);

// Whether the instruction accesses its memory operand at all (lea and prefetch hints do not).
[[nodiscard]] bool accesses_memory(const Decoded& decoded, const ZydisDecodedOperand& operand);

// Where a memory operand lies: also of the implicit ones of push and call, which are below the stack pointer. nullopt
// when it depends on what is not captured (the lanes of a gather).
[[nodiscard]] std::optional<std::uint64_t> effective_address(const Decoded& decoded, const ZydisDecodedOperand& operand,
                                                             const Registers& registers);

[[nodiscard]] bool is_repeated(const Decoded& decoded);  // a string instruction under rep

// The alignment on which the instruction insists for this operand (a fault without an address otherwise); 1 for none.
[[nodiscard]] std::uint32_t required_alignment(const Decoded& decoded, const ZydisDecodedOperand& operand);

}  // namespace segwhy
