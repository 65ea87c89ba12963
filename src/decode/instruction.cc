#include "decode/instruction.h"

#include <algorithm>

#include "decode/cpu_features.h"
#include "decode/decode.h"

namespace segwhy {
namespace {

std::string hex_bytes(const std::vector<std::uint8_t>& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t b : bytes) {
    out += kDigits[b >> 4U];
    out += kDigits[b & 15U];
  }
  return out;
}

std::string category_of(const ZydisDecodedInstruction& instruction) {
  switch (instruction.mnemonic) {
    case ZYDIS_MNEMONIC_DIV:
    case ZYDIS_MNEMONIC_IDIV:
      return "div";
    case ZYDIS_MNEMONIC_UD0:
    case ZYDIS_MNEMONIC_UD1:
    case ZYDIS_MNEMONIC_UD2:
    case ZYDIS_MNEMONIC_INT:
    case ZYDIS_MNEMONIC_INT1:
    case ZYDIS_MNEMONIC_INT3:
    case ZYDIS_MNEMONIC_HLT:  // glibc's and musl's last resort in abort()
      return "trap";
    case ZYDIS_MNEMONIC_LEAVE:
    case ZYDIS_MNEMONIC_ENTER:
      return "stack";
    default:
      break;
  }
  switch (instruction.meta.category) {
    case ZYDIS_CATEGORY_CALL:
      return "call";
    case ZYDIS_CATEGORY_RET:
      return "ret";
    case ZYDIS_CATEGORY_COND_BR:
    case ZYDIS_CATEGORY_UNCOND_BR:
      return "jump";
    case ZYDIS_CATEGORY_PUSH:
    case ZYDIS_CATEGORY_POP:
      return "stack";
    case ZYDIS_CATEGORY_STRINGOP:
      return "string";
    case ZYDIS_CATEGORY_DATAXFER:
    case ZYDIS_CATEGORY_CMOV:
    case ZYDIS_CATEGORY_GATHER:
    case ZYDIS_CATEGORY_AVX2GATHER:
    case ZYDIS_CATEGORY_SCATTER:
    case ZYDIS_CATEGORY_BROADCAST:
      return "move";
    default:
      return "other";
  }
}

std::string name_of(ZydisRegister reg) {
  const char* name = reg == ZYDIS_REGISTER_NONE ? nullptr : ZydisRegisterGetString(reg);
  return name == nullptr ? "" : name;
}

// Registers that explain an address; the instruction pointer explains none.
void note_register(Operand& operand, ZydisRegister reg, const Registers& registers) {
  if (reg == ZYDIS_REGISTER_NONE || reg == ZYDIS_REGISTER_RIP) return;
  if (const auto value = register_value(registers, reg)) operand.registers[name_of(reg)] = *value;
}

std::optional<std::uint64_t> memory_value(MemoryReader& memory, std::uint64_t address, std::uint32_t width) {
  std::uint64_t value = 0;
  if (width == 0 || width > sizeof value) return std::nullopt;
  if (!memory.read_exact(TargetAddr(address), std::as_writable_bytes(std::span(&value, 1)).first(width)))
    return std::nullopt;
  return value;
}

void describe_memory(Operand& out, const Decoded& decoded, const ZydisDecodedOperand& operand,
                     const Registers& registers, MemoryReader& memory) {
  out.kind = "memory";
  out.base = name_of(operand.mem.base);
  out.index = name_of(operand.mem.index);
  out.scale = operand.mem.scale;
  out.displacement = operand.mem.disp.has_displacement ? operand.mem.disp.value : 0;
  note_register(out, operand.mem.base, registers);
  note_register(out, operand.mem.index, registers);
  if (operand.mem.segment == ZYDIS_REGISTER_FS) out.registers["fs_base"] = registers.fs_base;
  if (operand.mem.segment == ZYDIS_REGISTER_GS) out.registers["gs_base"] = registers.gs_base;
  out.address = effective_address(decoded, operand, registers);
  if (!accesses_memory(decoded, operand)) {
    out.read = out.written = false;
    return;
  }
  if (out.address) out.value = memory_value(memory, *out.address, out.width);
}

Operand describe_operand(const Decoded& decoded, const ZydisDecodedOperand& operand, const Registers& registers,
                         MemoryReader& memory) {
  Operand out;
  out.text = operand_text(decoded, operand);
  out.read = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
  out.written = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
  out.width = operand.size / 8U;
  if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY) {
    describe_memory(out, decoded, operand, registers, memory);
  } else if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER) {
    out.kind = "register";
    out.value = register_value(registers, operand.reg.value);
  } else {
    out.kind = "immediate";
    ZyanU64 absolute = operand.imm.value.u;
    if (operand.imm.is_relative)
      ZydisCalcAbsoluteAddress(&decoded.instruction, &operand, decoded.pc.value(), &absolute);
    out.value = absolute;
  }
  return out;
}

bool is_general_register(const ZydisDecodedOperand& operand) {
  if (operand.type != ZYDIS_OPERAND_TYPE_REGISTER) return false;
  const auto whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, operand.reg.value);
  return ZydisRegisterGetClass(whole) == ZYDIS_REGCLASS_GPR64;
}

// Implicit operands that say nothing: flags, the instruction pointer, the stack pointer beside the stack slot that it
// addresses, and the pointers of string instructions beside their memory.
bool worth_telling(const ZydisDecodedOperand& operand) {
  if (operand.visibility != ZYDIS_OPERAND_VISIBILITY_HIDDEN) return true;
  if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY) return true;
  return is_general_register(operand) && operand.reg.value != ZYDIS_REGISTER_RSP;
}

void check_cpu(Instruction& instruction) {
  const auto cpu = this_cpu();
  if (!cpu) return;
  FeatureCheck check = check_feature(instruction.isa_set, *cpu);
  instruction.cpu_supports = check.supported;
  instruction.missing_feature = std::move(check.missing);
}

}  // namespace

std::vector<int> operand_indices(const Decoded& decoded) {
  std::vector<int> out;
  int next = 0;
  for (const ZydisDecodedOperand& operand : decoded.all_operands()) out.push_back(worth_telling(operand) ? next++ : -1);
  return out;
}

Instruction describe_instruction(const Decoded& decoded, const Registers& registers, MemoryReader& memory) {
  Instruction out;
  out.bytes = hex_bytes(decoded.bytes);
  out.text = instruction_text(decoded);
  const char* mnemonic = ZydisMnemonicGetString(decoded.instruction.mnemonic);
  out.mnemonic = mnemonic == nullptr ? "" : mnemonic;
  const char* isa_set = ZydisISASetGetString(decoded.instruction.meta.isa_set);
  out.isa_set = isa_set == nullptr ? "" : isa_set;
  out.category = category_of(decoded.instruction);
  check_cpu(out);
  for (const ZydisDecodedOperand& operand : decoded.all_operands()) {
    if (worth_telling(operand)) out.operands.push_back(describe_operand(decoded, operand, registers, memory));
  }
  return out;
}

std::optional<Instruction> decode_instruction(const Snapshot& snapshot, const ThreadSnapshot& thread) {
  if (!thread.registers_known || snapshot.memory == nullptr) return std::nullopt;
  const auto decoded = decode_at(*snapshot.memory, thread.registers.pc());
  if (!decoded) return std::nullopt;
  return describe_instruction(*decoded, thread.registers, *snapshot.memory);
}

}  // namespace segwhy
