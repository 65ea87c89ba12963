// FrameBytes: a cursor over unwind information. Reading past the end gives zeros and sets `bad`.
#pragma once

#include <stdint.h>
#include <string.h>

namespace segwhy::runtime::trace {

// How a pointer is stored (LSB 5, "DWARF Exception Header Encoding").
inline constexpr uint8_t kPointerFormat = 0x0f, kPointerBase = 0x70, kPointerOmitted = 0xff;

struct FrameBytes {
  const uint8_t* at;
  const uint8_t* end;
  bool bad = false;

  [[nodiscard]] bool more() const { return !bad && at < end; }

  template <typename T>
  T take() {
    T value{};
    if (bad || static_cast<uint64_t>(end - at) < sizeof(T)) {
      bad = true;
      return value;
    }
    memcpy(&value, at, sizeof(T));
    at += sizeof(T);
    return value;
  }

  void skip(uint64_t count) {
    if (bad || static_cast<uint64_t>(end - at) < count) {
      bad = true;
    } else {
      at += count;
    }
  }

  uint64_t unsigned_leb() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = take<uint8_t>();
      value |= uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) == 0) return value;
    }
    bad = true;
    return value;
  }

  int64_t signed_leb() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = take<uint8_t>();
      value |= uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) != 0) continue;
      if ((byte & 0x40) != 0 && shift + 7 < 64) value |= ~uint64_t{0} << (shift + 7);
      return static_cast<int64_t>(value);
    }
    bad = true;
    return 0;
  }

  // A pointer stored as `encoding` says; `table` is the base of kind datarel. Indirect ones are not followed.
  uint64_t pointer(uint8_t encoding, const uint8_t* table) {
    const auto place = reinterpret_cast<uint64_t>(at);
    const uint64_t value = number(encoding & kPointerFormat);
    switch (encoding & kPointerBase) {
      case 0x00:
        return value;
      case 0x10:  // pcrel
        return place + value;
      case 0x30:  // datarel
        return reinterpret_cast<uint64_t>(table) + value;
      default:
        bad = true;
        return 0;
    }
  }

  uint64_t number(uint8_t format) {
    switch (format) {
      case 0x00:  // absptr
      case 0x04:
      case 0x0c:
        return take<uint64_t>();
      case 0x01:
        return unsigned_leb();
      case 0x09:
        return static_cast<uint64_t>(signed_leb());
      case 0x02:
        return take<uint16_t>();
      case 0x0a:
        return static_cast<uint64_t>(int64_t{take<int16_t>()});
      case 0x03:
        return take<uint32_t>();
      case 0x0b:
        return static_cast<uint64_t>(int64_t{take<int32_t>()});
      default:
        bad = true;
        return 0;
    }
  }
};

}  // namespace segwhy::runtime::trace
