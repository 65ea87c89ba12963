#include "runtime/exact/gather.h"

#include <string.h>

#include "runtime/exact/vector_state.h"
#include "runtime/exact/views.h"

namespace segwhy::runtime::exact {
namespace {

// The mask of a gather or scatter, a mask register or the sign bits of a vector.
class ElementMask {
 public:
  ElementMask(const VectorState& state, const Instruction& instruction) : state_(state), instruction_(instruction) {
    if (instruction.mask_is_vector) {
      state.read(instruction.mask_register, vector_);
    } else {
      bits_ = state.read_mask(instruction.mask_register);
    }
  }

  [[nodiscard]] bool has(uint32_t element) const {
    if (!instruction_.mask_is_vector) return ((bits_ >> element) & 1) != 0;
    return (vector_[(element + 1) * instruction_.element_bytes - 1] & 0x80) != 0;
  }

  void clear(uint32_t element) {
    bits_ &= ~(uint64_t{1} << element);
    if (instruction_.mask_is_vector) {
      memset(vector_ + element * instruction_.element_bytes, 0, instruction_.element_bytes);
    }
  }

  void store() const {
    if (instruction_.mask_is_vector) {
      state_.write(instruction_.mask_register, vector_);
    } else {
      state_.write_mask(instruction_.mask_register, bits_);
    }
  }

 private:
  const VectorState& state_;
  const Instruction& instruction_;
  uint64_t bits_ = 0;
  uint8_t vector_[kVectorBytes];
};

[[nodiscard]] int64_t index_at(const uint8_t (&indices)[kVectorBytes], uint32_t element, uint8_t bytes) {
  if (bytes == 8) {
    int64_t wide = 0;
    memcpy(&wide, indices + element * 8u, sizeof wide);
    return wide;
  }
  int32_t narrow = 0;
  memcpy(&narrow, indices + element * 4u, sizeof narrow);
  return narrow;
}

}  // namespace

bool complete_watched_elements(ucontext_t& context, const Instruction& instruction,
                               void (*seen)(void* argument, const Touched& element), void* argument) {
  const VectorState state(context);
  Address base_address = instruction.address;
  base_address.index = kNoRegister;
  const uintptr_t base = effective_address(context, base_address);
  uint8_t indices[kVectorBytes], data[kVectorBytes];
  state.read(instruction.address.index, indices);
  state.read(instruction.data_register, data);
  ElementMask mask(state, instruction);
  const bool is_gather = instruction.form == Form::kGather;

  bool any = false;
  for (uint32_t element = 0; element < instruction.elements; ++element) {
    if (!mask.has(element)) continue;
    const int64_t index = index_at(indices, element, instruction.index_bytes);
    const uintptr_t address = base + static_cast<uintptr_t>(index * instruction.address.scale);
    if (!is_watched(address)) continue;
    seen(argument, {address, address + instruction.element_bytes, instruction.accesses});
    auto* const memory = reinterpret_cast<uint8_t*>(open_address(address));
    uint8_t* const slot = data + element * instruction.element_bytes;
    memcpy(is_gather ? slot : memory, is_gather ? memory : slot, instruction.element_bytes);
    mask.clear(element);
    any = true;
  }
  if (!any) return false;
  if (is_gather) state.write(instruction.data_register, data);
  mask.store();
  return true;
}

}  // namespace segwhy::runtime::exact
