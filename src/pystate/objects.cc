#include "pystate/objects.h"

#include <algorithm>
#include <cstring>
#include <span>

namespace segwhy::pystate {
namespace {

constexpr std::uint64_t kUserSpaceEnd = std::uint64_t{1} << 47;
constexpr std::uint64_t kFirstPages = 0x10000;
constexpr std::size_t kMaxTypeName = 256;
// Type names are identifiers with dots; more types than this are garbage or of no interest here.
constexpr std::size_t kMaxTypesKept = 4096;
constexpr std::uint32_t kHighestAscii = 0x7F;
constexpr std::uint64_t kStringSubclassFlag = std::uint64_t{1} << 28;  // Py_TPFLAGS_UNICODE_SUBCLASS, all versions

void append_utf8(std::string& out, std::uint32_t c) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) return put(0xC0 | (c >> 6)), put(0x80 | (c & 0x3F));
  if (c >= 0xDC80 && c <= 0xDCFF) return put(c - 0xDC00);  // surrogateescape
  if (c >= 0xD800 && c <= 0xDFFF) c = 0xFFFD;
  if (c < 0x10000) return put(0xE0 | (c >> 12)), put(0x80 | ((c >> 6) & 0x3F)), put(0x80 | (c & 0x3F));
  put(0xF0 | (c >> 18)), put(0x80 | ((c >> 12) & 0x3F)), put(0x80 | ((c >> 6) & 0x3F)), put(0x80 | (c & 0x3F));
}

std::uint32_t code_point_at(std::span<const std::byte> data, std::size_t i, std::uint32_t kind) {
  std::uint32_t c = 0;
  std::memcpy(&c, data.data() + i * kind, kind);  // little-endian, as the target
  return c;
}

bool is_printable_ascii(std::string_view text) {
  for (const char c : text)
    if (c < 0x20 || c > 0x7E) return false;
  return !text.empty();
}

}  // namespace

std::optional<std::string> utf8_of(std::span<const std::byte> data, std::uint32_t kind, std::uint32_t highest) {
  std::string out;
  out.reserve(data.size() / kind);
  for (std::size_t i = 0; i < data.size() / kind; ++i) {
    const std::uint32_t c = code_point_at(data, i, kind);
    if (c > highest) return std::nullopt;
    append_utf8(out, c);
  }
  return out;
}

bool plausible_object(TargetAddr address) {
  constexpr std::uint64_t kAlignment = 8;
  return address.value() >= kFirstPages && address.value() < kUserSpaceEnd && address.value() % kAlignment == 0;
}

std::optional<TargetAddr> ObjectReader::type_of(TargetAddr object) {
  if (!plausible_object(object)) return std::nullopt;
  const auto type = memory_.pointer(object + layout_[Field::kObjectType]);
  if (!type || !plausible_object(*type)) return std::nullopt;
  return type;
}

std::string_view ObjectReader::type_name(TargetAddr object) {
  const auto type = type_of(object);
  if (!type) return {};
  if (const auto known = type_names_.find(type->value()); known != type_names_.end()) return known->second;
  if (type_names_.size() >= kMaxTypesKept) type_names_.clear();
  const auto name = memory_.pointer(*type + layout_[Field::kTypeName]);
  auto text = name ? memory_.c_string(*name, kMaxTypeName) : std::nullopt;
  if (!text || !is_printable_ascii(*text)) text.emplace();
  return type_names_.emplace(type->value(), std::move(*text)).first->second;
}

bool ObjectReader::is_string(TargetAddr object) {
  const std::string_view name = type_name(object);
  if (name == "str") return true;
  if (name.empty()) return false;
  const auto type = type_of(object);
  const auto flags = type ? memory_.value<std::uint64_t>(*type + layout_[Field::kTypeFlags]) : std::nullopt;
  return flags && (*flags & kStringSubclassFlag) != 0;
}

std::optional<ObjectReader::StringHeader> ObjectReader::string_header(TargetAddr object) {
  if (!is_string(object)) return std::nullopt;
  const auto length = memory_.value<std::uint64_t>(object + layout_[Field::kStringLength]);
  const auto word = memory_.value<std::uint32_t>(object + layout_[Field::kStringState]);
  if (!length || !word) return std::nullopt;
  const wire::PythonStringState state = wire::python_string_state(*word, layout_.minor);
  if (state.kind == 0) return std::nullopt;
  if (state.compact && state.ascii)
    return StringHeader{*length, state.kind, kHighestAscii, object + layout_[Field::kStringAsciiData]};
  const TargetAddr after_header = object + layout_[Field::kStringCompactData];
  const std::uint32_t highest = state.ascii ? kHighestAscii : kHighestCodePoint;
  if (state.compact) return StringHeader{*length, state.kind, highest, after_header};
  // An instance of a subclass: a pointer to the characters follows the header.
  const auto data = memory_.pointer(after_header);
  if (!data) return std::nullopt;
  return StringHeader{*length, state.kind, highest, *data};
}

std::optional<std::string> ObjectReader::string(TargetAddr object, std::uint64_t max) {
  const auto header = string_header(object);
  if (!header || header->length > max) return std::nullopt;
  const auto data = memory_.bytes(header->data, header->length * header->kind);
  if (!data) return std::nullopt;
  return utf8_of(*data, header->kind, header->highest);
}

std::optional<std::vector<std::byte>> ObjectReader::bytes(TargetAddr object, std::uint64_t max) {
  if (type_name(object) != "bytes") return std::nullopt;
  const auto size = memory_.value<std::uint64_t>(object + layout_[Field::kBytesSize]);
  if (!size || *size > max) return std::nullopt;
  return memory_.bytes(object + layout_[Field::kBytesData], *size);
}

std::vector<TargetAddr> ObjectReader::tuple_items(TargetAddr object, std::uint64_t max) {
  if (type_name(object) != "tuple") return {};
  const auto size = memory_.value<std::uint64_t>(object + layout_[Field::kTupleSize]);
  if (!size) return {};
  std::vector<TargetAddr> items;
  for (std::uint64_t i = 0; i < std::min(*size, max); ++i) {
    const auto item = memory_.pointer(object + layout_[Field::kTupleItems] + i * sizeof(std::uint64_t));
    if (!item) break;
    items.push_back(*item);
  }
  return items;
}

}  // namespace segwhy::pystate
