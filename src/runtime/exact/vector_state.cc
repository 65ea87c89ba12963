#include "runtime/exact/vector_state.h"

#include <cpuid.h>
#include <string.h>

#include "runtime/pal/atomic.h"

namespace segwhy::runtime::exact {
namespace {

// Layout of the XSAVE area in standard form, as signal frames have it.
constexpr size_t kXmmOffset = 160;
constexpr size_t kSoftwareBytesOffset = 464;
constexpr size_t kHeaderOffset = 512;
constexpr uint32_t kExtendedStateMagic = 0x46505853;
constexpr size_t kXmmBytes = 16;
constexpr size_t kYmmHighBytes = 16;
constexpr size_t kZmmHighBytes = 32;

enum Component { kSse = 1, kYmmHigh = 2, kOpmask = 5, kZmmHigh = 6, kUpperZmm = 7, kComponents = 8 };

struct SoftwareBytes {
  uint32_t magic;
  uint32_t extended_size;
  uint64_t features;
};

struct Place {
  uint32_t offset;
  uint32_t size;
};

Place places[kComponents];  // of the extended components; asked for once
uint32_t places_known;      // atomic

void ask_places() {
  for (int number = 2; number < kComponents; ++number) {
    uint32_t size = 0, offset = 0, unused_c = 0, unused_d = 0;
    if (__get_cpuid_count(0xd, static_cast<unsigned>(number), &size, &offset, &unused_c, &unused_d) == 0) return;
    places[number] = {offset, size};
  }
  pal::store(places_known, 1);
}

[[nodiscard]] uint64_t load64(const uint8_t* from) {
  uint64_t value = 0;
  memcpy(&value, from, sizeof value);
  return value;
}

}  // namespace

VectorState::VectorState(const ucontext_t& context) : area_(reinterpret_cast<uint8_t*>(context.uc_mcontext.fpregs)) {
  if (pal::load(places_known) == 0) ask_places();
}

uint8_t* VectorState::component(int number, size_t offset, size_t size, bool for_writing) const {
  if (area_ == nullptr) return nullptr;
  SoftwareBytes software{};
  memcpy(&software, area_ + kSoftwareBytesOffset, sizeof software);
  const bool is_extended = software.magic == kExtendedStateMagic;
  if (!is_extended) return number == kSse ? area_ + kXmmOffset + offset : nullptr;

  const uint64_t bit = uint64_t{1} << number;
  if ((software.features & bit) == 0) return nullptr;
  uint8_t* const base = number == kSse ? area_ + kXmmOffset : area_ + places[number].offset;
  const size_t bytes = number == kSse ? 16 * kXmmBytes : places[number].size;
  if (offset + size > bytes || (number != kSse && places[number].offset + bytes > software.extended_size)) {
    return nullptr;
  }
  // A component in its initial state is zero, whatever the area holds.
  uint64_t present = load64(area_ + kHeaderOffset);
  if ((present & bit) != 0) return base + offset;
  if (!for_writing) return nullptr;
  memset(base, 0, bytes);
  present |= bit;
  memcpy(area_ + kHeaderOffset, &present, sizeof present);
  return base + offset;
}

void VectorState::read(uint8_t number, uint8_t (&out)[kVectorBytes]) const {
  memset(out, 0, sizeof out);
  if (number >= 16) {
    const uint8_t* const whole = component(kUpperZmm, (number - 16u) * kVectorBytes, kVectorBytes, false);
    if (whole != nullptr) memcpy(out, whole, kVectorBytes);
    return;
  }
  if (const uint8_t* const low = component(kSse, number * kXmmBytes, kXmmBytes, false)) memcpy(out, low, kXmmBytes);
  if (const uint8_t* const middle = component(kYmmHigh, number * kYmmHighBytes, kYmmHighBytes, false)) {
    memcpy(out + kXmmBytes, middle, kYmmHighBytes);
  }
  if (const uint8_t* const high = component(kZmmHigh, number * kZmmHighBytes, kZmmHighBytes, false)) {
    memcpy(out + kXmmBytes + kYmmHighBytes, high, kZmmHighBytes);
  }
}

void VectorState::write(uint8_t number, const uint8_t (&value)[kVectorBytes]) const {
  if (number >= 16) {
    uint8_t* const whole = component(kUpperZmm, (number - 16u) * kVectorBytes, kVectorBytes, true);
    if (whole != nullptr) memcpy(whole, value, kVectorBytes);
    return;
  }
  if (uint8_t* const low = component(kSse, number * kXmmBytes, kXmmBytes, true)) memcpy(low, value, kXmmBytes);
  if (uint8_t* const middle = component(kYmmHigh, number * kYmmHighBytes, kYmmHighBytes, true)) {
    memcpy(middle, value + kXmmBytes, kYmmHighBytes);
  }
  if (uint8_t* const high = component(kZmmHigh, number * kZmmHighBytes, kZmmHighBytes, true)) {
    memcpy(high, value + kXmmBytes + kYmmHighBytes, kZmmHighBytes);
  }
}

uint64_t VectorState::read_mask(uint8_t number) const {
  const uint8_t* const at = component(kOpmask, number * 8u, 8, false);
  return at != nullptr ? load64(at) : 0;
}

void VectorState::write_mask(uint8_t number, uint64_t value) const {
  if (uint8_t* const at = component(kOpmask, number * 8u, 8, true)) memcpy(at, &value, sizeof value);
}

}  // namespace segwhy::runtime::exact
