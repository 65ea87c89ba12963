// decides() on top of Zydis.
#include <Zydis/Decoder.h>
#include <Zydis/Register.h>

#include "runtime/exact/consequence.h"

namespace segwhy::runtime::exact {
namespace {

constexpr int kMostInstructions = 12;

struct Decoded {
  ZydisDecodedInstruction instruction;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];

  [[nodiscard]] ZydisMnemonic mnemonic() const { return instruction.mnemonic; }
  [[nodiscard]] ZydisInstructionCategory category() const { return instruction.meta.category; }
  [[nodiscard]] const ZydisDecodedOperand* begin() const { return operands; }
  [[nodiscard]] const ZydisDecodedOperand* end() const { return operands + instruction.operand_count; }
};

class Code {
 public:
  Code(const uint8_t* bytes, size_t size) : bytes_(bytes), size_(size) {
    (void)ZydisDecoderInit(&decoder_, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  }
  [[nodiscard]] bool next(Decoded& out) {
    ZydisDecoderContext context;
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder_, &context, bytes_, size_, &out.instruction)) ||
        !ZYAN_SUCCESS(ZydisDecoderDecodeOperands(&decoder_, &context, &out.instruction, out.operands,
                                                 out.instruction.operand_count)))
      return false;
    bytes_ += out.instruction.length;
    size_ -= out.instruction.length;
    return true;
  }
  // Nothing but a conditional jump comes next.
  [[nodiscard]] bool branches_next() {
    Decoded following;
    return next(following) && following.category() == ZYDIS_CATEGORY_COND_BR &&
           following.instruction.meta.branch_type != ZYDIS_BRANCH_TYPE_NONE && reads_flags(following);
  }

 private:
  // Not jrcxz or loop.
  [[nodiscard]] static bool reads_flags(const Decoded& decoded) {
    return decoded.instruction.cpu_flags != nullptr && decoded.instruction.cpu_flags->tested != 0;
  }

  ZydisDecoder decoder_;
  const uint8_t* bytes_;
  size_t size_;
};

// General registers that hold the value: a bit for each.
using Registers = uint32_t;

[[nodiscard]] Registers bit_of(ZydisRegister value) {
  switch (ZydisRegisterGetClass(value)) {
    case ZYDIS_REGCLASS_GPR8:
    case ZYDIS_REGCLASS_GPR16:
    case ZYDIS_REGCLASS_GPR32:
    case ZYDIS_REGCLASS_GPR64: {
      const ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, value);
      return Registers{1} << static_cast<unsigned>(ZydisRegisterGetId(whole));
    }
    default:
      return 0;
  }
}

[[nodiscard]] bool is_register(const ZydisDecodedOperand& operand) {
  return operand.type == ZYDIS_OPERAND_TYPE_REGISTER;
}

[[nodiscard]] bool accesses_memory(const ZydisDecodedOperand& operand) {
  return operand.type == ZYDIS_OPERAND_TYPE_MEMORY && operand.mem.type == ZYDIS_MEMOP_TYPE_MEM;
}

// Neither a hint nor an instruction that means no contents.
[[nodiscard]] bool is_real_access(const Decoded& decoded) {
  switch (decoded.category()) {
    case ZYDIS_CATEGORY_PREFETCH:
    case ZYDIS_CATEGORY_NOP:
    case ZYDIS_CATEGORY_WIDENOP:
      return false;
    default:
      return true;
  }
}

[[nodiscard]] bool goes_elsewhere(const Decoded& decoded) {
  switch (decoded.category()) {
    case ZYDIS_CATEGORY_COND_BR:
    case ZYDIS_CATEGORY_UNCOND_BR:
    case ZYDIS_CATEGORY_CALL:
    case ZYDIS_CATEGORY_RET:
    case ZYDIS_CATEGORY_SYSCALL:
    case ZYDIS_CATEGORY_INTERRUPT:
      return true;
    default:
      return false;
  }
}

[[nodiscard]] bool compares(const Decoded& decoded) {
  return decoded.mnemonic() == ZYDIS_MNEMONIC_CMP || decoded.mnemonic() == ZYDIS_MNEMONIC_TEST;
}

[[nodiscard]] bool is_copy(ZydisMnemonic mnemonic) {
  return mnemonic == ZYDIS_MNEMONIC_MOV || mnemonic == ZYDIS_MNEMONIC_MOVZX || mnemonic == ZYDIS_MNEMONIC_MOVSX ||
         mnemonic == ZYDIS_MNEMONIC_MOVSXD;
}

// What the registers of an address hold.
[[nodiscard]] bool uses_as_address(const Decoded& decoded, Registers held) {
  if (!is_real_access(decoded)) return false;
  for (const ZydisDecodedOperand& operand : decoded) {
    if (accesses_memory(operand) && ((bit_of(operand.mem.base) | bit_of(operand.mem.index)) & held) != 0) return true;
  }
  return false;
}

[[nodiscard]] bool reads_any(const Decoded& decoded, Registers held) {
  for (const ZydisDecodedOperand& operand : decoded) {
    const bool reads = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
    if (is_register(operand) && reads && (bit_of(operand.reg.value) & held) != 0) return true;
  }
  return false;
}

[[nodiscard]] Registers written_by(const Decoded& decoded) {
  Registers written = 0;
  for (const ZydisDecodedOperand& operand : decoded) {
    const bool writes = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
    if (is_register(operand) && writes) written |= bit_of(operand.reg.value);
  }
  return written;
}

// A sum of a register and a constant is still made of what the register held.
[[nodiscard]] bool adds_constant(const Decoded& decoded) {
  const bool adds = decoded.mnemonic() == ZYDIS_MNEMONIC_ADD || decoded.mnemonic() == ZYDIS_MNEMONIC_SUB;
  return adds && is_register(decoded.operands[0]) && decoded.operands[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
}

// Which registers hold the value after the instruction.
[[nodiscard]] Registers held_after(const Decoded& decoded, Registers held) {
  if (adds_constant(decoded)) return held;
  const Registers left = held & ~written_by(decoded);
  const bool copies =
      is_copy(decoded.mnemonic()) && is_register(decoded.operands[0]) && is_register(decoded.operands[1]);
  if (!copies || (bit_of(decoded.operands[1].reg.value) & held) == 0) return left;
  return left | bit_of(decoded.operands[0].reg.value);
}

}  // namespace

bool decides(const uint8_t* bytes, size_t size) {
  Code code(bytes, size);
  Decoded decoded;
  if (!code.next(decoded)) return false;
  if (compares(decoded)) return code.branches_next();
  if (decoded.category() == ZYDIS_CATEGORY_CALL || decoded.category() == ZYDIS_CATEGORY_UNCOND_BR) return true;
  const bool loads =
      is_copy(decoded.mnemonic()) && is_register(decoded.operands[0]) && accesses_memory(decoded.operands[1]);
  Registers held = loads ? bit_of(decoded.operands[0].reg.value) : 0;
  for (int i = 0; held != 0 && i < kMostInstructions && code.next(decoded); ++i) {
    if (uses_as_address(decoded, held)) return true;
    if (goes_elsewhere(decoded)) {
      const bool is_target = decoded.category() != ZYDIS_CATEGORY_RET && is_register(decoded.operands[0]);
      return is_target && (bit_of(decoded.operands[0].reg.value) & held) != 0;
    }
    if (compares(decoded) && reads_any(decoded, held)) {
      if (code.branches_next()) return true;
      return false;
    }
    held = held_after(decoded, held);
  }
  return false;
}

}  // namespace segwhy::runtime::exact
