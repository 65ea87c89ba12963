// decode() on top of Zydis.
#include <Zydis/Decoder.h>
#include <Zydis/Register.h>
#include <string.h>

#include "runtime/exact/instruction.h"

namespace segwhy::runtime::exact {
namespace {

struct Decoded {
  ZydisDecodedInstruction instruction;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];

  [[nodiscard]] ZydisMnemonic mnemonic() const { return instruction.mnemonic; }
  [[nodiscard]] const ZydisDecodedOperand* begin() const { return operands; }
  [[nodiscard]] const ZydisDecodedOperand* end() const { return operands + instruction.operand_count; }
};

[[nodiscard]] bool decode_all(const uint8_t* bytes, size_t size, Decoded& out) {
  ZydisDecoder decoder;
  ZydisDecoderContext context;
  return ZYAN_SUCCESS(ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)) &&
         ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, &context, bytes, size, &out.instruction)) &&
         ZYAN_SUCCESS(ZydisDecoderDecodeOperands(&decoder, &context, &out.instruction, out.operands,
                                                 out.instruction.operand_count));
}

[[nodiscard]] uint8_t register_number(ZydisRegister value) {
  if (value == ZYDIS_REGISTER_NONE) return kNoRegister;
  const ZyanI8 number = ZydisRegisterGetId(value);
  return number < 0 ? kNoRegister : static_cast<uint8_t>(number);
}

[[nodiscard]] bool touches_memory(const ZydisDecodedOperand& operand) {
  return operand.type == ZYDIS_OPERAND_TYPE_MEMORY && operand.mem.type != ZYDIS_MEMOP_TYPE_AGEN;
}

// What push, pop and call do to the stack besides their operand.
[[nodiscard]] bool is_stack_slot(const ZydisDecodedOperand& operand) {
  return operand.visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN && operand.mem.base == ZYDIS_REGISTER_RSP;
}

// The operand in memory that the instruction's own bytes address, if it is the only one.
[[nodiscard]] const ZydisDecodedOperand* encoded_operand(const Decoded& decoded) {
  const ZydisDecodedOperand* found = nullptr;
  for (const ZydisDecodedOperand& operand : decoded) {
    if (!touches_memory(operand) || is_stack_slot(operand)) continue;
    if (found != nullptr) return nullptr;
    found = &operand;
  }
  if (found == nullptr) return nullptr;
  const bool encoded =
      found->encoding == ZYDIS_OPERAND_ENCODING_MODRM_RM || found->encoding == ZYDIS_OPERAND_ENCODING_DISP16_32_64;
  return encoded ? found : nullptr;
}

[[nodiscard]] Segment segment_of(ZydisRegister value) {
  if (value == ZYDIS_REGISTER_FS) return Segment::kFs;
  return value == ZYDIS_REGISTER_GS ? Segment::kGs : Segment::kFlat;
}

[[nodiscard]] Address address_of(uint64_t pc, const Decoded& decoded, const ZydisDecodedOperandMem& memory) {
  Address address{memory.disp.value, register_number(memory.base), register_number(memory.index), memory.scale,
                  segment_of(memory.segment)};
  if (memory.base == ZYDIS_REGISTER_RIP) {
    address.base = kNoRegister;
    address.displacement += static_cast<int64_t>(pc + decoded.instruction.length);
  }
  return address;
}

[[nodiscard]] uint8_t accesses_of(const ZydisDecodedOperand& operand) {
  const bool reads = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
  const bool writes = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
  return static_cast<uint8_t>((reads ? kRead : 0) | (writes ? kWrite : 0));
}

[[nodiscard]] Encoding encoding_of(const ZydisDecodedInstruction& instruction) {
  const bool has_modrm = (instruction.attributes & ZYDIS_ATTRIB_HAS_MODRM) != 0;
  const bool has_sib = (instruction.attributes & ZYDIS_ATTRIB_HAS_SIB) != 0;
  return {has_modrm ? instruction.raw.modrm.offset : uint8_t{0}, has_sib ? instruction.raw.sib.offset : uint8_t{0},
          instruction.raw.disp.offset, static_cast<uint8_t>(instruction.raw.disp.size / 8)};
}

[[nodiscard]] bool is_string_instruction(const Decoded& decoded) {
  return decoded.instruction.meta.category == ZYDIS_CATEGORY_STRINGOP;
}

void decode_string(const Decoded& decoded, Instruction& out) {
  constexpr ZydisInstructionAttributes kStopping = ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE;
  out.form = Form::kImplicit;
  out.repeated = (decoded.instruction.attributes & (ZYDIS_ATTRIB_HAS_REP | kStopping)) != 0;
  for (const ZydisDecodedOperand& operand : decoded) {
    if (!touches_memory(operand)) continue;
    out.width = operand.size / 8;
    if (operand.mem.base == ZYDIS_REGISTER_RSI) {
      out.through_rsi = true;
      out.address.segment = segment_of(operand.mem.segment);
      // A segment's base cannot be shifted along.
      if (out.address.segment != Segment::kFlat) out.form = Form::kUnsupported;
    } else {
      out.through_rdi = true;
      out.accesses = accesses_of(operand);
    }
  }
  const bool compares = out.through_rdi && (out.accesses & kWrite) == 0;
  out.may_stop = out.repeated && compares;
}

// Byte-wise masked stores to [rdi].
void decode_masked_store(const Decoded& decoded, Instruction& out) {
  out.form = Form::kImplicit;
  out.through_rdi = true;
  out.accesses = kWrite;
  const ZydisRegister mask =
      decoded.operands[decoded.operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER ? 1 : 2].reg.value;
  if (ZydisRegisterGetClass(mask) != ZYDIS_REGCLASS_XMM) {
    out.width = 8;
    out.checked = false;  // which of the bytes are written stands in an MMX register
    return;
  }
  out.width = 16;
  out.mask = Mask::kVector;
  out.mask_register = register_number(mask);
  out.mask_element_bytes = 1;
  out.element_bytes = 1;
  out.elements = 16;
}

void decode_implicit(const Decoded& decoded, Instruction& out) {
  switch (decoded.mnemonic()) {
    case ZYDIS_MNEMONIC_XLAT:
      out.form = Form::kImplicit;
      out.through_rbx = true;
      out.width = 1;
      out.accesses = kRead;
      return;
    case ZYDIS_MNEMONIC_MASKMOVQ:
    case ZYDIS_MNEMONIC_MASKMOVDQU:
    case ZYDIS_MNEMONIC_VMASKMOVDQU:
      return decode_masked_store(decoded, out);
    default:
      if (is_string_instruction(decoded)) decode_string(decoded, out);
  }
}

[[nodiscard]] bool is_opmask(ZydisRegister value) {
  return value > ZYDIS_REGISTER_K0 && value <= ZYDIS_REGISTER_K7;
}

void decode_gather(uint64_t pc, const Decoded& decoded, const ZydisDecodedOperand& memory, Instruction& out) {
  const ZydisDecodedInstruction& instruction = decoded.instruction;
  const bool is_evex = instruction.encoding == ZYDIS_INSTRUCTION_ENCODING_EVEX;
  const bool is_gather = instruction.opcode >= 0x90 && instruction.opcode <= 0x93;
  const bool is_scatter = instruction.opcode >= 0xA0 && instruction.opcode <= 0xA3;
  if (instruction.opcode_map != ZYDIS_OPCODE_MAP_0F38 || !(is_gather || is_scatter)) return;
  out.form = is_gather ? Form::kGather : Form::kScatter;
  out.accesses = is_gather ? kRead : kWrite;
  out.address = address_of(pc, decoded, memory.mem);
  out.element_bytes = (is_evex ? instruction.raw.evex.W : instruction.raw.vex.W) != 0 ? 8 : 4;
  out.width = out.element_bytes;
  out.index_bytes = (instruction.opcode & 1) != 0 ? 8 : 4;
  const uint8_t widest = out.element_bytes > out.index_bytes ? out.element_bytes : out.index_bytes;
  out.elements = static_cast<uint8_t>(instruction.avx.vector_length / 8 / widest);
  out.mask_is_vector = !is_evex;
  out.mask_register = register_number(instruction.avx.mask.reg);
  for (const ZydisDecodedOperand& operand : decoded) {
    if (operand.type != ZYDIS_OPERAND_TYPE_REGISTER) continue;
    if (operand.encoding == ZYDIS_OPERAND_ENCODING_MODRM_REG) out.data_register = register_number(operand.reg.value);
    const bool is_mask = operand.encoding == ZYDIS_OPERAND_ENCODING_NDSNDD;
    if (!is_evex && is_mask) out.mask_register = register_number(operand.reg.value);
  }
}

// Elements of the widest vector register: what a mask has bits for.
[[nodiscard]] uint16_t vector_elements(const Decoded& decoded) {
  uint16_t elements = 0;
  for (const ZydisDecodedOperand& operand : decoded) {
    if (operand.type != ZYDIS_OPERAND_TYPE_REGISTER) continue;
    const ZydisRegisterClass kind = ZydisRegisterGetClass(operand.reg.value);
    const bool is_vector = kind == ZYDIS_REGCLASS_XMM || kind == ZYDIS_REGCLASS_YMM || kind == ZYDIS_REGCLASS_ZMM;
    if (is_vector && operand.element_count > elements) elements = operand.element_count;
  }
  return elements;
}

[[nodiscard]] bool packs(ZydisMnemonic mnemonic) {
  switch (mnemonic) {
    case ZYDIS_MNEMONIC_VCOMPRESSPD:
    case ZYDIS_MNEMONIC_VCOMPRESSPS:
    case ZYDIS_MNEMONIC_VPCOMPRESSB:
    case ZYDIS_MNEMONIC_VPCOMPRESSD:
    case ZYDIS_MNEMONIC_VPCOMPRESSQ:
    case ZYDIS_MNEMONIC_VPCOMPRESSW:
    case ZYDIS_MNEMONIC_VEXPANDPD:
    case ZYDIS_MNEMONIC_VEXPANDPS:
    case ZYDIS_MNEMONIC_VPEXPANDB:
    case ZYDIS_MNEMONIC_VPEXPANDD:
    case ZYDIS_MNEMONIC_VPEXPANDQ:
    case ZYDIS_MNEMONIC_VPEXPANDW:
      return true;
    default:
      return false;
  }
}

void decode_mask(const Decoded& decoded, const ZydisDecodedOperand& memory, Instruction& out) {
  out.element_bytes = static_cast<uint8_t>(memory.element_size / 8);
  out.elements = static_cast<uint8_t>(memory.element_count);
  switch (decoded.mnemonic()) {
    case ZYDIS_MNEMONIC_VMASKMOVPS:
    case ZYDIS_MNEMONIC_VMASKMOVPD:
    case ZYDIS_MNEMONIC_VPMASKMOVD:
    case ZYDIS_MNEMONIC_VPMASKMOVQ:
      out.mask = Mask::kVector;
      out.mask_register = register_number(decoded.operands[1].reg.value);
      out.mask_element_bytes = out.element_bytes;
      return;
    default:
      break;
  }
  if (!is_opmask(decoded.instruction.avx.mask.reg)) return;
  out.mask_register = register_number(decoded.instruction.avx.mask.reg);
  if (packs(decoded.mnemonic())) {
    out.mask = Mask::kPacking;
  } else if (memory.element_count == vector_elements(decoded)) {
    out.mask = Mask::kOpmask;
  }  // else a scalar or a broadcast: it faulted, so all of it is meant
}

void decode_bit_offset(const Decoded& decoded, Instruction& out) {
  switch (decoded.mnemonic()) {
    case ZYDIS_MNEMONIC_BT:
    case ZYDIS_MNEMONIC_BTC:
    case ZYDIS_MNEMONIC_BTR:
    case ZYDIS_MNEMONIC_BTS:
      break;
    default:
      return;
  }
  if (decoded.operands[1].type != ZYDIS_OPERAND_TYPE_REGISTER) return;
  out.bit_register = register_number(decoded.operands[1].reg.value);
  out.bit_bytes = static_cast<uint8_t>(decoded.operands[1].size / 8);
}

[[nodiscard]] bool means_contents(ZydisMnemonic mnemonic) {
  switch (mnemonic) {
    case ZYDIS_MNEMONIC_CLFLUSH:
    case ZYDIS_MNEMONIC_CLFLUSHOPT:
    case ZYDIS_MNEMONIC_CLWB:
    case ZYDIS_MNEMONIC_CLDEMOTE:
      return false;
    default:
      return true;
  }
}

void decode_operand(uint64_t pc, const Decoded& decoded, const ZydisDecodedOperand& memory, Instruction& out) {
  out.address = address_of(pc, decoded, memory.mem);
  out.encoding = encoding_of(decoded.instruction);
  out.accesses = accesses_of(memory);
  out.width = memory.size / 8;
  out.checked = out.width != 0 && means_contents(decoded.mnemonic());
  if (decoded.instruction.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR) return;
  out.form = decoded.instruction.meta.category == ZYDIS_CATEGORY_CALL ? Form::kCall : Form::kOperand;
  decode_mask(decoded, memory, out);
  decode_bit_offset(decoded, out);
}

}  // namespace

bool decode(uint64_t pc, const uint8_t* bytes, size_t size, Instruction& out) {
  Decoded decoded;
  if (!decode_all(bytes, size, decoded)) return false;
  out = {};
  out.length = decoded.instruction.length;
  memcpy(out.bytes, bytes, out.length);
  out.checked = true;
  out.bit_register = kNoRegister;
  out.address = {0, kNoRegister, kNoRegister, 0, Segment::kFlat};
  if (decoded.instruction.address_width != 64) return true;

  const ZydisDecodedOperand* const memory = encoded_operand(decoded);
  if (memory == nullptr) {
    decode_implicit(decoded, out);
  } else if (memory->mem.type == ZYDIS_MEMOP_TYPE_VSIB) {
    decode_gather(pc, decoded, *memory, out);
  } else {
    decode_operand(pc, decoded, *memory, out);
  }
  return true;
}

bool has_decoder() {
  return true;
}

}  // namespace segwhy::runtime::exact
