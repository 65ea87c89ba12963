// ObjectReader: Python objects in a broken process, each checked before it is believed.
//
// Every function takes any address and gives nothing when what is there is not a plausible object of the wanted type:
// the type is decided by the name in its type object, sizes are bounded, and a string's header must be consistent.
// Keeps what it learned of type objects. Does not own the memory or the layout. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/memory_reader.h"
#include "pystate/layout.h"

namespace segwhy::pystate {

class ObjectReader {
 public:
  ObjectReader(MemoryReader& memory, const Layout& layout) : memory_(memory), layout_(layout) {}

  // tp_name of the object's type; empty when that is not readable. Valid until the next call of a member.
  [[nodiscard]] std::string_view type_name(TargetAddr object);

  // The object's type; nothing when that is no plausible address.
  [[nodiscard]] std::optional<TargetAddr> type_of(TargetAddr object);

  // UTF-8. Bytes that file names carry as lone surrogates ("surrogateescape") are those bytes again, so the result can
  // name a file but need not be valid UTF-8. Nothing when longer than `max` code points.
  [[nodiscard]] std::optional<std::string> string(TargetAddr object, std::uint64_t max);
  [[nodiscard]] std::optional<std::vector<std::byte>> bytes(TargetAddr object, std::uint64_t max);
  // Addresses of the items, the first `max` of a longer tuple.
  [[nodiscard]] std::vector<TargetAddr> tuple_items(TargetAddr object, std::uint64_t max);

  [[nodiscard]] MemoryReader& memory() { return memory_; }
  [[nodiscard]] const Layout& layout() const { return layout_; }

 private:
  struct StringHeader {
    std::uint64_t length = 0;
    std::uint32_t kind = 0;     // bytes in a code point
    std::uint32_t highest = 0;  // code point that the string may hold
    TargetAddr data;
  };
  [[nodiscard]] bool is_string(TargetAddr object);
  [[nodiscard]] std::optional<StringHeader> string_header(TargetAddr object);

  MemoryReader& memory_;
  const Layout& layout_;
  std::unordered_map<std::uint64_t, std::string> type_names_;  // by address of the type object
};

inline constexpr std::uint32_t kHighestCodePoint = 0x10FFFF;

// The text of a string whose code points take `kind` bytes (1, 2 or 4) each, as ObjectReader::string() gives it.
// Nothing when one is above `highest`.
[[nodiscard]] std::optional<std::string> utf8_of(std::span<const std::byte> data, std::uint32_t kind,
                                                 std::uint32_t highest = kHighestCodePoint);

// Whether `address` could be that of an object: canonical user space, aligned, not in the first pages.
[[nodiscard]] bool plausible_object(TargetAddr address);

}  // namespace segwhy::pystate
