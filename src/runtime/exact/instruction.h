// What a machine instruction does to memory, decoded once per place in the code.
//
// Plain data, valid when zeroed, filled by decode() and never changed afterwards. Register numbers are those of
// the instruction encoding (0 rax, 1 rcx, 2 rdx, 3 rbx, 4 rsp, 5 rbp, 6 rsi, 7 rdi, 8 to 15). x86-64.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace segwhy::runtime::exact {

inline constexpr size_t kMaxInstructionBytes = 15;
inline constexpr uint8_t kNoRegister = 0xff;
inline constexpr uint8_t kStackPointer = 4;

// How the access can be carried out on the other view.
enum class Form : uint8_t {
  kUnsupported,  // not understood: the block is opened instead
  kOperand,      // one operand in memory with a displacement: re-encoded with another one
  kImplicit,     // addressed by registers of its own (string instructions, xlat, maskmov): they are shifted around it
  kGather,       // addressed by a vector register: the watched elements are loaded by hand
  kScatter,
  kCall,  // through memory: the return address must be the program's
};

enum class Mask : uint8_t {
  kNone,
  kOpmask,   // a bit per element in a mask register
  kVector,   // the sign bit per element in a vector register
  kPacking,  // as many elements as the mask register has bits set, without gaps (expand, compress)
};

enum AccessBit : uint8_t { kRead = 1, kWrite = 2 };

enum class Segment : uint8_t { kFlat, kFs, kGs };

struct Address {
  int64_t displacement;  // rip-relative: the whole address
  uint8_t base, index;   // or kNoRegister; of a gather, `index` is a vector register
  uint8_t scale;
  Segment segment;
};

// Where an instruction's bytes have to be changed to change its displacement.
struct Encoding {
  uint8_t modrm;  // offset of the ModRM byte; 0: the address is an immediate of 8 bytes at `displacement`
  uint8_t sib;    // offset, 0: none
  uint8_t displacement;
  uint8_t displacement_bytes;
};

struct Instruction {
  Form form;
  uint8_t length;
  uint8_t bytes[kMaxInstructionBytes];
  uint8_t accesses;  // AccessBit of the operand; of a string instruction, of what rdi points to
  bool checked;      // false: touches memory without meaning its contents (prefetch, flush, hints)
  uint16_t width;    // bytes of the operand; of a string instruction and of a gather, of one element
  Address address;
  Encoding encoding;

  Mask mask;
  uint8_t mask_register;
  uint8_t mask_element_bytes;  // of the vector that the mask applies to
  uint8_t element_bytes;       // in memory
  uint8_t elements;

  uint8_t bit_register;  // its value counts bits from the operand (bt and kin), or kNoRegister
  uint8_t bit_bytes;

  // kImplicit: which registers hold addresses.
  bool through_rsi, through_rdi, through_rbx;
  bool repeated;  // rep, repe, repne: rcx counts
  bool may_stop;  // repe, repne: the data may end it early

  // kGather, kScatter.
  uint8_t data_register;
  uint8_t index_bytes;
  bool mask_is_vector;
};

// Decodes the instruction at `pc`. `bytes` holds `size` of its leading bytes. False when they are no whole instruction.
[[nodiscard]] bool decode(uint64_t pc, const uint8_t* bytes, size_t size, Instruction& out);

// False when the runtime was built without a decoder.
[[nodiscard]] bool has_decoder();

}  // namespace segwhy::runtime::exact
