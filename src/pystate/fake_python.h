// FakePython: a hand-made interpreter in hand-made memory, for tests of what reads one. Builds objects of a given
// version's layout one by one; any of them can then be damaged with put().
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pystate/layout.h"

namespace segwhy::pystate {

// Memory at invented addresses; everything outside is unreadable.
class FakeMemory final : public MemoryReader {
 public:
  static constexpr std::uint64_t kBase = 0x7f1200000000;
  explicit FakeMemory(std::size_t size) : bytes_(size) {}

  std::size_t read(TargetAddr from, std::span<std::byte> out) override {
    if (from.value() < kBase || from.value() - kBase >= bytes_.size()) return 0;
    const std::size_t at = from.value() - kBase;
    const std::size_t n = std::min(out.size(), bytes_.size() - at);
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at), n, out.begin());
    return n;
  }

  [[nodiscard]] std::span<std::byte> bytes() { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

class FakePython {
 public:
  explicit FakePython(int minor, std::size_t size = std::size_t{4} << 20)
      : memory_(size), layout_(make_layout(minor)) {}

  [[nodiscard]] FakeMemory& memory() { return memory_; }
  [[nodiscard]] const Layout& layout() const { return layout_; }

  TargetAddr allocate(std::size_t size) {
    const TargetAddr at(FakeMemory::kBase + used_);
    used_ += (size + 15) / 16 * 16;
    return used_ <= memory_.bytes().size() ? at : TargetAddr();
  }

  template <class T>
  void put(TargetAddr at, const T& value) {
    put_bytes(at, std::as_bytes(std::span(&value, 1)));
  }
  void put_bytes(TargetAddr at, std::span<const std::byte> bytes) {
    const std::uint64_t offset = at.value() - FakeMemory::kBase;
    if (offset + bytes.size() <= memory_.bytes().size())
      std::copy(bytes.begin(), bytes.end(), memory_.bytes().begin() + static_cast<std::ptrdiff_t>(offset));
  }
  void put_field(TargetAddr object, Field f, std::uint64_t value) {
    if (layout_.has(f)) put(object + layout_[f], value);
  }

  TargetAddr type(const std::string& name, std::uint64_t flags = 0) {
    TargetAddr& known = types_[name];
    if (!known.is_null()) return known;
    known = object_of({}, kObjectSize);
    const TargetAddr text = allocate(name.size() + 1);
    put_bytes(text, std::as_bytes(std::span(name.data(), name.size())));
    put_field(known, Field::kTypeName, text.value());
    put_field(known, Field::kTypeFlags, flags);
    return known;
  }

  TargetAddr object_of(TargetAddr type, std::size_t size) {
    const TargetAddr at = allocate(size);
    put_field(at, Field::kObjectType, type.value());
    return at;
  }

  // `Char`: char (ASCII), unsigned char (Latin-1), char16_t or char32_t.
  template <class Char>
  TargetAddr string(std::basic_string_view<Char> text, int interned_bits = 2) {
    const bool ascii = std::is_same_v<Char, char>;
    const auto header = layout_[ascii ? Field::kStringAsciiData : Field::kStringCompactData];
    const TargetAddr at = object_of(type("str"), header + (text.size() + 1) * sizeof(Char));
    const auto flags = static_cast<std::uint32_t>(sizeof(Char) | 8U | (ascii ? 16U : 0U));
    put_field(at, Field::kStringLength, text.size());
    put(at + layout_[Field::kStringState], flags << interned_bits | 0xABU << (interned_bits + 6));
    put_bytes(at + header, std::as_bytes(std::span(text.data(), text.size())));
    return at;
  }
  TargetAddr string(const char* text) { return string(std::string_view(text)); }

  TargetAddr bytes(std::span<const std::byte> content) {
    const TargetAddr at = object_of(type("bytes"), layout_[Field::kBytesData] + content.size() + 1);
    put_field(at, Field::kBytesSize, content.size());
    put_bytes(at + layout_[Field::kBytesData], content);
    return at;
  }

  TargetAddr tuple(const std::vector<TargetAddr>& items) {
    const TargetAddr at = object_of(type("tuple"), layout_[Field::kTupleItems] + items.size() * 8);
    put_field(at, Field::kTupleSize, items.size());
    for (std::size_t i = 0; i < items.size(); ++i) put(at + layout_[Field::kTupleItems] + i * 8, items[i].value());
    return at;
  }

  // A function whose bytecode is all on `line`.
  TargetAddr code(const char* function, int line, const std::vector<TargetAddr>& constants = {}) {
    const TargetAddr at = object_of(type("code"), kObjectSize);
    put_field(at, Field::kCodeFilename, string("/home/user/program.py").value());
    put_field(at, Field::kCodeName, string(function).value());
    put_field(at, Field::kCodeQualname, string(function).value());
    put_field(at, Field::kCodeConstants, tuple(constants).value());
    put(at + layout_[Field::kCodeFirstLine], static_cast<std::int32_t>(line));
    put_field(at, Field::kCodeLineTable, bytes(one_line_table()).value());
    return at;
  }

  struct FrameShape {
    std::int64_t instruction = 4;  // byte offset
    bool entry = false;            // 3.11
    int owner = 0;                 // 3.12 and later
  };
  TargetAddr frame(TargetAddr code, TargetAddr back, const FrameShape& shape) {
    const TargetAddr at = object_of(layout_.minor <= 10 ? type("frame") : TargetAddr(), kFrameSize);
    put_field(at, Field::kFrameBack, back.value());
    put_field(at, Field::kFrameCode, code.value());
    if (layout_.minor <= 10) {
      const auto last = static_cast<std::int32_t>(layout_.minor == 10 ? shape.instruction / 2 : shape.instruction);
      put(at + layout_[Field::kFrameInstruction], last);
      return at;
    }
    const TargetAddr first = code + layout_[Field::kCodeInstructions];
    put_field(at, Field::kFrameInstruction, first.value() + static_cast<std::uint64_t>(shape.instruction));
    if (layout_.has(Field::kFrameIsEntry)) put(at + layout_[Field::kFrameIsEntry], shape.entry);
    put(at + layout_[Field::kFrameOwner], static_cast<std::uint8_t>(shape.owner));
    return at;
  }
  TargetAddr frame(TargetAddr code, TargetAddr back) { return frame(code, back, FrameShape()); }

  TargetAddr interpreter(std::int64_t id) {
    const TargetAddr at = allocate(kInterpreterSize);
    put_field(at, Field::kInterpreterId, static_cast<std::uint64_t>(id));
    return at;
  }

  // Put at the head of the interpreter's list, as the interpreter does.
  TargetAddr thread(TargetAddr interpreter, TargetAddr innermost_frame, std::uint64_t pthread, std::uint64_t native) {
    const TargetAddr at = allocate(kThreadSize);
    const TargetAddr head = interpreter + layout_[Field::kInterpreterThreadsHead];
    put_field(at, Field::kThreadNext, memory_.value<std::uint64_t>(head).value_or(0));
    put(head, at.value());
    put_field(at, Field::kThreadInterpreter, interpreter.value());
    put_field(at, Field::kThreadPthread, pthread);
    put_field(at, Field::kThreadNativeId, native);
    TargetAddr frame = innermost_frame;
    if (layout_.has(Field::kCframeCurrentFrame)) {
      frame = allocate(64);
      put_field(frame, Field::kCframeCurrentFrame, innermost_frame.value());
    }
    put_field(at, Field::kThreadFrame, frame.value());
    return at;
  }

  TargetAddr runtime(TargetAddr first_interpreter) {
    const TargetAddr at = allocate(kRuntimeSize);
    put_field(at, Field::kRuntimeInterpretersHead, first_interpreter.value());
    return at;
  }

 private:
  static constexpr std::size_t kObjectSize = 512, kFrameSize = 512, kThreadSize = 512;
  static constexpr std::size_t kInterpreterSize = 0x2000, kRuntimeSize = 0x2000;

  std::span<const std::byte> one_line_table() const {
    static constexpr std::byte kPep626[] = {std::byte{254}, std::byte{0}};
    static constexpr std::byte kLocations[] = {std::byte{0x80 | 13 << 3 | 7}, std::byte{0}};
    if (layout_.minor <= 9) return {};
    return layout_.minor == 10 ? std::span(kPep626) : std::span(kLocations);
  }

  // Versions that describe themselves are given a description of their own making: 3.12's, with what is new since.
  Layout make_layout(int minor) {
    Layout layout = *layout_of(std::min(minor, kSelfDescribingMinor - 1), memory_, TargetAddr());
    layout.minor = minor;
    if (minor >= kSelfDescribingMinor) layout.remove(Field::kCframeCurrentFrame);
    return layout;
  }

  FakeMemory memory_;
  Layout layout_;
  std::size_t used_ = 16;
  std::map<std::string, TargetAddr> types_;
};

}  // namespace segwhy::pystate
