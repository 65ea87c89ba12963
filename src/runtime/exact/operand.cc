#include "runtime/exact/operand.h"

#include <asm/prctl.h>
#include <string.h>

#include "runtime/exact/vector_state.h"
#include "runtime/pal/syscall.h"

namespace segwhy::runtime::exact {
namespace {

constexpr int kGregs[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                            REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
constexpr uint8_t kRcx = 1, kRbx = 3, kRsi = 6, kRdi = 7;
constexpr uint64_t kDirectionFlag = 0x400;

[[nodiscard]] uintptr_t segment_start(Segment segment) {
  switch (segment) {
    case Segment::kFs:
      return pal::segment_base(ARCH_GET_FS);
    case Segment::kGs:
      return pal::segment_base(ARCH_GET_GS);
    default:
      return 0;
  }
}

// Bit n: element n of the operand is meant.
[[nodiscard]] uint64_t active_elements(const ucontext_t& context, const Instruction& instruction) {
  const VectorState vectors(context);
  if (instruction.mask == Mask::kOpmask) return vectors.read_mask(instruction.mask_register);
  uint8_t mask[kVectorBytes];
  vectors.read(instruction.mask_register, mask);
  uint64_t active = 0;
  for (uint32_t element = 0; element < instruction.elements; ++element) {
    const size_t sign_byte = (element + 1) * instruction.mask_element_bytes - 1;
    if ((mask[sign_byte] & 0x80) != 0) active |= uint64_t{1} << element;
  }
  return active;
}

// The hull of the meant elements within an operand at `address`.
[[nodiscard]] Touched masked(const ucontext_t& context, const Instruction& instruction, uintptr_t address) {
  const uint32_t elements = instruction.elements;
  uint64_t active = active_elements(context, instruction);
  if (elements < 64) active &= (uint64_t{1} << elements) - 1;
  if (active == 0) return {address, address, instruction.accesses};
  const auto first = static_cast<uintptr_t>(__builtin_ctzll(active));
  const auto last = static_cast<uintptr_t>(63 - __builtin_clzll(active));
  return {address + first * instruction.element_bytes, address + (last + 1) * instruction.element_bytes,
          instruction.accesses};
}

[[nodiscard]] Touched operand_bytes(const ucontext_t& context, const Instruction& instruction, uintptr_t address) {
  switch (instruction.mask) {
    case Mask::kNone:
      return {address, address + instruction.width, instruction.accesses};
    case Mask::kPacking: {
      uint64_t active = VectorState(context).read_mask(instruction.mask_register);
      if (instruction.elements < 64) active &= (uint64_t{1} << instruction.elements) - 1;
      const auto count = static_cast<uintptr_t>(__builtin_popcountll(active));
      return {address, address + count * instruction.element_bytes, instruction.accesses};
    }
    default:
      return masked(context, instruction, address);
  }
}

// How far a bit string instruction's register leads away from its operand, in bytes.
[[nodiscard]] int64_t bit_distance(const ucontext_t& context, const Instruction& instruction) {
  const uint64_t value = general_register(context, instruction.bit_register);
  int64_t bits = static_cast<int64_t>(value);
  if (instruction.bit_bytes == 4) bits = static_cast<int32_t>(value);
  if (instruction.bit_bytes == 2) bits = static_cast<int16_t>(value);
  const int64_t unit_bits = int64_t{8} * instruction.bit_bytes;
  const int64_t units = bits >= 0 ? bits / unit_bits : -((-bits + unit_bits - 1) / unit_bits);
  return units * instruction.bit_bytes;
}

// What a string instruction has left to do through one of its registers.
[[nodiscard]] Touched string_bytes(const ucontext_t& context, const Instruction& instruction, uint8_t pointer,
                                   uint8_t accesses) {
  const uintptr_t address = general_register(context, pointer);
  const uint64_t count = instruction.repeated ? general_register(context, kRcx) : 1;
  const uintptr_t bytes = count * instruction.width;
  const bool backwards = (static_cast<uint64_t>(context.uc_mcontext.gregs[REG_EFL]) & kDirectionFlag) != 0;
  if (!backwards) return {address, address + bytes, accesses};
  return {address + instruction.width - bytes, address + instruction.width, accesses};
}

[[nodiscard]] Touches implicitly_touched(const ucontext_t& context, const Instruction& instruction) {
  Touches touches{};
  if (instruction.through_rbx) {
    const uintptr_t address = general_register(context, kRbx) + (general_register(context, 0) & 0xff);
    touches.items[touches.count++] = {address, address + 1, kRead};
    return touches;
  }
  if (instruction.mask != Mask::kNone || !instruction.checked) {  // a masked store to [rdi]
    const uintptr_t address = general_register(context, kRdi);
    touches.items[touches.count++] = operand_bytes(context, instruction, address);
    return touches;
  }
  if (instruction.through_rsi) touches.items[touches.count++] = string_bytes(context, instruction, kRsi, kRead);
  if (instruction.through_rdi) {
    touches.items[touches.count++] = string_bytes(context, instruction, kRdi, instruction.accesses);
  }
  return touches;
}

}  // namespace

uint64_t general_register(const ucontext_t& context, uint8_t number) {
  return number < 16 ? static_cast<uint64_t>(context.uc_mcontext.gregs[kGregs[number]]) : 0;
}

void set_general_register(ucontext_t& context, uint8_t number, uint64_t value) {
  context.uc_mcontext.gregs[kGregs[number]] = static_cast<greg_t>(value);
}

uintptr_t effective_address(const ucontext_t& context, const Address& address) {
  return segment_start(address.segment) + general_register(context, address.base) +
         general_register(context, address.index) * address.scale + static_cast<uint64_t>(address.displacement);
}

Touches touched_by(const ucontext_t& context, const Instruction& instruction) {
  if (instruction.form == Form::kImplicit) return implicitly_touched(context, instruction);
  uintptr_t address = effective_address(context, instruction.address);
  if (instruction.bit_register != kNoRegister) address += static_cast<uintptr_t>(bit_distance(context, instruction));
  return {{operand_bytes(context, instruction, address), {}}, 1};
}

}  // namespace segwhy::runtime::exact
