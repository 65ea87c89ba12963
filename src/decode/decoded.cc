#include "decode/decoded.h"

namespace segwhy {
namespace {

using Indices = std::array<Registers::Index, 16>;

// Zydis numbers general registers as the encoding does.
constexpr Indices kByEncoding = {Registers::kRax, Registers::kRcx, Registers::kRdx, Registers::kRbx,
                                 Registers::kRsp, Registers::kRbp, Registers::kRsi, Registers::kRdi,
                                 Registers::kR8,  Registers::kR9,  Registers::kR10, Registers::kR11,
                                 Registers::kR12, Registers::kR13, Registers::kR14, Registers::kR15};

std::uint64_t low_bits(std::uint64_t value, unsigned bits) {
  return bits >= 64 ? value : value & ((std::uint64_t{1} << bits) - 1);
}

// bt and its kin with a register offset address a bit string: the word that is touched can lie far from the operand.
std::int64_t bit_string_offset(const Decoded& decoded, const Registers& registers) {
  switch (decoded.instruction.mnemonic) {
    case ZYDIS_MNEMONIC_BT:
    case ZYDIS_MNEMONIC_BTC:
    case ZYDIS_MNEMONIC_BTR:
    case ZYDIS_MNEMONIC_BTS:
      break;
    default:
      return 0;
  }
  const ZydisDecodedOperand& bit = decoded.operands[1];
  if (bit.type != ZYDIS_OPERAND_TYPE_REGISTER) return 0;
  const auto value = register_value(registers, bit.reg.value);
  if (!value || bit.size < 16) return 0;
  const unsigned unused = 64U - bit.size;
  const auto offset = static_cast<std::int64_t>(*value << unused) >> unused;  // sign-extended
  const std::int64_t words = offset >> (bit.size == 16 ? 4 : bit.size == 32 ? 5 : 6);
  return words * (bit.size / 8);
}

bool pushes(const Decoded& decoded, const ZydisDecodedOperand& operand) {
  const auto category = decoded.instruction.meta.category;
  const bool on_stack = category == ZYDIS_CATEGORY_PUSH || category == ZYDIS_CATEGORY_CALL;
  const bool written = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
  return on_stack && written && operand.visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN &&
         operand.mem.base == ZYDIS_REGISTER_RSP;
}

ZydisFormatter intel_formatter() {
  ZydisFormatter formatter;
  ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
  return formatter;
}

}  // namespace

std::optional<Decoded> decode_at(MemoryReader& memory, TargetAddr pc) {
  Decoded out;
  out.pc = pc;
  out.bytes.resize(ZYDIS_MAX_INSTRUCTION_LENGTH);
  out.bytes.resize(memory.read(pc, std::as_writable_bytes(std::span(out.bytes))));
  if (out.bytes.empty()) return std::nullopt;
  ZydisDecoder decoder;
  ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  const ZyanStatus status =
      ZydisDecoderDecodeFull(&decoder, out.bytes.data(), out.bytes.size(), &out.instruction, out.operands.data());
  if (!ZYAN_SUCCESS(status)) return std::nullopt;
  out.bytes.resize(out.instruction.length);
  return out;
}

std::string instruction_text(const Decoded& decoded) {
  const ZydisFormatter formatter = intel_formatter();
  std::array<char, 256> text{};
  const ZyanStatus status = ZydisFormatterFormatInstruction(&formatter, &decoded.instruction, decoded.operands.data(),
                                                            decoded.instruction.operand_count_visible, text.data(),
                                                            text.size(), decoded.pc.value(), nullptr);
  return ZYAN_SUCCESS(status) ? text.data() : "";
}

std::string operand_text(const Decoded& decoded, const ZydisDecodedOperand& operand) {
  const ZydisFormatter formatter = intel_formatter();
  std::array<char, 128> text{};
  const ZyanStatus status = ZydisFormatterFormatOperand(&formatter, &decoded.instruction, &operand, text.data(),
                                                        text.size(), decoded.pc.value(), nullptr);
  return ZYAN_SUCCESS(status) ? text.data() : "";
}

std::optional<std::uint64_t> register_value(const Registers& registers, ZydisRegister reg) {
  if (reg == ZYDIS_REGISTER_RIP) return registers.dwarf[Registers::kRip];
  const ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
  if (ZydisRegisterGetClass(whole) != ZYDIS_REGCLASS_GPR64) return std::nullopt;
  const ZyanI8 id = ZydisRegisterGetId(whole);
  if (id < 0 || static_cast<std::size_t>(id) >= kByEncoding.size()) return std::nullopt;
  const std::uint64_t value = registers.dwarf[kByEncoding[static_cast<std::size_t>(id)]];
  const bool high_byte = reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH;
  if (high_byte) return low_bits(value >> 8U, 8);
  return low_bits(value, ZydisRegisterGetWidth(ZYDIS_MACHINE_MODE_LONG_64, reg));
}

bool accesses_memory(const Decoded& decoded, const ZydisDecodedOperand& operand) {
  if (operand.type != ZYDIS_OPERAND_TYPE_MEMORY || operand.mem.type == ZYDIS_MEMOP_TYPE_AGEN) return false;
  const auto category = decoded.instruction.meta.category;
  const bool hint = category == ZYDIS_CATEGORY_PREFETCH || category == ZYDIS_CATEGORY_PREFETCHWT1 ||
                    category == ZYDIS_CATEGORY_WIDENOP || category == ZYDIS_CATEGORY_NOP;
  return !hint;
}

std::optional<std::uint64_t> effective_address(const Decoded& decoded, const ZydisDecodedOperand& operand,
                                               const Registers& registers) {
  if (operand.type != ZYDIS_OPERAND_TYPE_MEMORY || operand.mem.type == ZYDIS_MEMOP_TYPE_VSIB) return std::nullopt;
  std::uint64_t address = operand.mem.disp.has_displacement ? static_cast<std::uint64_t>(operand.mem.disp.value) : 0;
  if (operand.mem.base == ZYDIS_REGISTER_RIP || operand.mem.base == ZYDIS_REGISTER_EIP) {
    address += decoded.pc.value() + decoded.instruction.length;
  } else if (operand.mem.base != ZYDIS_REGISTER_NONE) {
    const auto base = register_value(registers, operand.mem.base);
    if (!base) return std::nullopt;
    address += *base;
  }
  if (operand.mem.index != ZYDIS_REGISTER_NONE && operand.mem.type != ZYDIS_MEMOP_TYPE_MIB) {
    const auto index = register_value(registers, operand.mem.index);
    if (!index) return std::nullopt;
    address += *index * operand.mem.scale;
  }
  address += static_cast<std::uint64_t>(bit_string_offset(decoded, registers));
  address = low_bits(address, decoded.instruction.address_width);
  if (operand.mem.segment == ZYDIS_REGISTER_FS) address += registers.fs_base;
  if (operand.mem.segment == ZYDIS_REGISTER_GS) address += registers.gs_base;
  if (pushes(decoded, operand)) address -= operand.size / 8U;
  return address;
}

bool is_repeated(const Decoded& decoded) {
  constexpr ZydisInstructionAttributes kRep = ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE;
  return (decoded.instruction.attributes & kRep) != 0;
}

std::uint32_t required_alignment(const Decoded& decoded, const ZydisDecodedOperand& operand) {
  const std::uint32_t width = operand.size / 8U;
  switch (decoded.instruction.mnemonic) {
    case ZYDIS_MNEMONIC_CMPXCHG16B:
    case ZYDIS_MNEMONIC_FXSAVE:
    case ZYDIS_MNEMONIC_FXSAVE64:
    case ZYDIS_MNEMONIC_FXRSTOR:
    case ZYDIS_MNEMONIC_FXRSTOR64:
      return 16;
    case ZYDIS_MNEMONIC_XSAVE:
    case ZYDIS_MNEMONIC_XSAVE64:
    case ZYDIS_MNEMONIC_XSAVEC:
    case ZYDIS_MNEMONIC_XSAVEC64:
    case ZYDIS_MNEMONIC_XSAVEOPT:
    case ZYDIS_MNEMONIC_XSAVEOPT64:
    case ZYDIS_MNEMONIC_XRSTOR:
    case ZYDIS_MNEMONIC_XRSTOR64:
      return 64;
    // Unaligned by definition, although of the exception class of the aligned ones.
    case ZYDIS_MNEMONIC_MOVUPS:
    case ZYDIS_MNEMONIC_MOVUPD:
    case ZYDIS_MNEMONIC_MOVDQU:
    case ZYDIS_MNEMONIC_LDDQU:
    case ZYDIS_MNEMONIC_PCMPESTRI:
    case ZYDIS_MNEMONIC_PCMPESTRM:
    case ZYDIS_MNEMONIC_PCMPISTRI:
    case ZYDIS_MNEMONIC_PCMPISTRM:
      return 1;
    default:
      break;
  }
  // Intel SDM volume 2, 2.4 and 2.8: type 1 always insists, types 2 and 4 in their legacy SSE forms.
  switch (decoded.instruction.meta.exception_class) {
    case ZYDIS_EXCEPTION_CLASS_SSE1:
    case ZYDIS_EXCEPTION_CLASS_AVX1:
    case ZYDIS_EXCEPTION_CLASS_E1:
    case ZYDIS_EXCEPTION_CLASS_E1NF:
      return width >= 16 ? width : 1;
    case ZYDIS_EXCEPTION_CLASS_SSE2:
    case ZYDIS_EXCEPTION_CLASS_SSE4:
      return width == 16 ? 16 : 1;
    default:
      return 1;
  }
}

}  // namespace segwhy
