// Which memory operand of an instruction a fault belongs to. Internal to decode/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "decode/decoded.h"

namespace segwhy {

// Addresses the CPU can translate at all: bits 63 to 47 are equal. The wider ones of five-level paging are given out
// only on request, and nobody requests them.
[[nodiscard]] bool is_canonical(std::uint64_t address);

struct OperandMatch {
  std::size_t index = 0;      // in Decoded::operands
  std::uint64_t address = 0;  // where the access began, or the fault address for a repeated one
  std::uint32_t width = 0;
  bool read = false, written = false;
};

// The operand whose access covers `address`. `written`: what the CPU said, which tells the two sides of a copy apart.
[[nodiscard]] std::optional<OperandMatch> operand_covering(const Decoded& decoded, const Registers& registers,
                                                           std::uint64_t address, std::optional<bool> written);

// Why the CPU refused an instruction without naming an address (general protection).
struct Refusal {
  std::optional<OperandMatch> operand;
  std::optional<std::uint64_t> address;
  bool execute = false;  // the target of a jump, call or return
  bool misaligned = false;
};

// What the operands explain; everything absent when they do not (privileged instruction, lanes of a gather).
[[nodiscard]] Refusal explain_refusal(const Decoded& decoded, const Registers& registers, MemoryReader& memory);

}  // namespace segwhy
