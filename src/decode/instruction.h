// From a decoded instruction to the evidence about it. Internal to decode/.
#pragma once

#include "decode/decoded.h"
#include "evidence/model/case.h"

namespace segwhy {

// Operands come in the instruction's order: explicit ones first, then implicit memory and general registers.
[[nodiscard]] Instruction describe_instruction(const Decoded& decoded, const Registers& registers,
                                               MemoryReader& memory);

// Index in Instruction::operands of each operand of `decoded`, parallel to it; -1 for those left out.
[[nodiscard]] std::vector<int> operand_indices(const Decoded& decoded);

}  // namespace segwhy
