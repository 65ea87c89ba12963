#include "runtime/exact/stubs.h"

#include <string.h>

#include "runtime/exact/views.h"
#include "runtime/pal/atomic.h"

namespace segwhy::runtime::exact {
namespace {

constexpr size_t kStubBytes = 64;
constexpr size_t kStubs = kCodeBytes / kStubBytes;
constexpr size_t kShiftBytes = 7;  // lea r64, [r64 + disp32]
constexpr size_t kMostShifts = 2;
constexpr size_t kJumpBytes = 14;  // jmp [rip], and the address

// What leave_stub() needs to know; the last bytes of a stub. With the jump's target it tells the original's address.
struct Origin {
  uint8_t length;  // of the original instruction
  uint8_t body_length;
  uint8_t shifts;
};
constexpr size_t kOriginOffset = kStubBytes - sizeof(Origin);
static_assert(2 * kMostShifts * kShiftBytes + kMaxInstructionBytes + kJumpBytes <= kOriginOffset);

uint32_t used_stubs;

struct Shift {
  uint8_t bit;
  uint8_t modrm;  // of lea reg, [reg + disp32]
  int gregs_index;
};
constexpr Shift kShifts[] = {{kShiftRsi, 0xb6, REG_RSI}, {kShiftRdi, 0xbf, REG_RDI}, {kShiftRbx, 0x9b, REG_RBX}};

class Emitter {
 public:
  explicit Emitter(uint8_t* at) : at_(at) {}

  void bytes(const void* source, size_t size) {
    memcpy(at_, source, size);
    at_ += size;
  }
  void byte(uint8_t value) { bytes(&value, 1); }
  void word32(int32_t value) { bytes(&value, sizeof value); }
  void word64(uint64_t value) { bytes(&value, sizeof value); }

  void shift(const Shift& shift, int32_t distance) {
    byte(0x48);
    byte(0x8d);
    byte(shift.modrm);
    word32(distance);
  }
  void shift_all(uint8_t shifts, int32_t distance) {
    for (const Shift& each : kShifts) {
      if ((shifts & each.bit) != 0) shift(each, distance);
    }
  }
  void jump(uint64_t target) {
    constexpr uint8_t kJumpThroughNext[] = {0xff, 0x25, 0, 0, 0, 0};
    bytes(kJumpThroughNext, sizeof kJumpThroughNext);
    word64(target);
  }

 private:
  uint8_t* at_;
};

[[nodiscard]] bool fits(int64_t value) {
  return value == static_cast<int32_t>(value);
}

[[nodiscard]] int32_t distance() {
  return static_cast<int32_t>(kViewDistance);
}

struct Body {
  uint8_t bytes[kMaxInstructionBytes + 8];
  size_t length;
};

// mov al/ax/eax/rax to or from an address of 8 bytes.
void move_absolute(const Instruction& instruction, Body& body) {
  memcpy(body.bytes, instruction.bytes, instruction.length);
  body.length = instruction.length;
  const uint64_t moved = static_cast<uint64_t>(instruction.address.displacement) + kViewDistance;
  memcpy(body.bytes + instruction.encoding.displacement, &moved, sizeof moved);
}

// `instruction` with a displacement of 32 bits that leads to the open view, to be run at `place`.
[[nodiscard]] bool re_encode(const Instruction& instruction, uintptr_t place, Body& body) {
  constexpr uint8_t kModMask = 0xc0, kModDisplacement32 = 0x80;
  const Encoding& encoding = instruction.encoding;
  if (encoding.modrm == 0) {
    if (encoding.displacement_bytes != 8) return false;
    move_absolute(instruction, body);
    return true;
  }
  const uint8_t modrm = instruction.bytes[encoding.modrm];
  const bool has_mod = (modrm & kModMask) != 0;
  const bool is_rip_relative = !has_mod && (modrm & 7) == 5;
  const bool is_baseless = !has_mod && encoding.sib != 0 && (instruction.bytes[encoding.sib] & 7) == 5;

  const size_t address_end = encoding.modrm + 1u + (encoding.sib != 0 ? 1u : 0u);
  const size_t tail = address_end + encoding.displacement_bytes;
  body.length = address_end + sizeof(int32_t) + (instruction.length - tail);
  if (body.length > kMaxInstructionBytes) return false;

  int64_t displacement = instruction.address.displacement + distance();
  if (is_rip_relative) displacement -= static_cast<int64_t>(place + body.length);
  if (!fits(displacement)) return false;

  const auto narrow = static_cast<int32_t>(displacement);
  memcpy(body.bytes, instruction.bytes, address_end);
  if (!is_rip_relative && !is_baseless) {
    body.bytes[encoding.modrm] = static_cast<uint8_t>((modrm & ~kModMask) | kModDisplacement32);
  }
  memcpy(body.bytes + address_end, &narrow, sizeof narrow);
  memcpy(body.bytes + address_end + sizeof narrow, instruction.bytes + tail, instruction.length - tail);
  return true;
}

[[nodiscard]] bool make_body(const Instruction& instruction, uintptr_t place, Body& body) {
  if (instruction.form == Form::kOperand) return re_encode(instruction, place, body);
  memcpy(body.bytes, instruction.bytes, instruction.length);
  body.length = instruction.length;
  return true;
}

void unshift(ucontext_t& context, uint8_t shifts, size_t from, size_t to) {
  size_t index = 0;
  for (const Shift& each : kShifts) {
    if ((shifts & each.bit) == 0) continue;
    if (index >= from && index < to) context.uc_mcontext.gregs[each.gregs_index] -= distance();
    ++index;
  }
}

}  // namespace

uintptr_t make_stub(uint64_t pc, const Instruction& instruction, uint8_t shifts) {
  const uint32_t index = used_stubs;
  if (index >= kStubs) return 0;
  const uintptr_t place = views().code + index * kStubBytes;
  Body body{};
  if (!make_body(instruction, place, body)) return 0;

  Emitter emit(reinterpret_cast<uint8_t*>(views().code_writable + index * kStubBytes));
  emit.shift_all(shifts, distance());
  emit.bytes(body.bytes, body.length);
  emit.shift_all(shifts, -distance());
  emit.jump(pc + instruction.length);
  const Origin origin{instruction.length, static_cast<uint8_t>(body.length), shifts};
  memcpy(reinterpret_cast<void*>(views().code_writable + index * kStubBytes + kOriginOffset), &origin, sizeof origin);
  pal::store(used_stubs, index + 1);
  return place;
}

bool leave_stub(ucontext_t& context) {
  greg_t& pc = context.uc_mcontext.gregs[REG_RIP];
  const uintptr_t offset = static_cast<uintptr_t>(pc) - views().code;
  if (offset >= pal::load(used_stubs) * kStubBytes) return false;

  const uintptr_t stub = views().code + offset / kStubBytes * kStubBytes;
  const size_t at = offset % kStubBytes;
  Origin origin{};
  memcpy(&origin, reinterpret_cast<const void*>(stub + kOriginOffset), sizeof origin);
  const auto count = static_cast<size_t>(__builtin_popcount(origin.shifts));
  const size_t body = count * kShiftBytes;
  const size_t body_end = body + origin.body_length;
  uint64_t behind = 0;
  memcpy(&behind, reinterpret_cast<const void*>(stub + body_end + body + kJumpBytes - sizeof behind), sizeof behind);
  if (at <= body) {
    unshift(context, origin.shifts, 0, at / kShiftBytes);
    pc = static_cast<greg_t>(behind - origin.length);
  } else {
    unshift(context, origin.shifts, (at - body_end) / kShiftBytes, count);
    pc = static_cast<greg_t>(behind);
  }
  return true;
}

void forget_stubs() {
  pal::store(used_stubs, 0);
}

}  // namespace segwhy::runtime::exact
