#include "report/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "base/text.h"

namespace segwhy::report {
namespace {

struct CodePoint {
  char32_t value = 0;
  std::size_t bytes = 1;
};

// Decodes one character of valid UTF-8.
CodePoint decode(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> char32_t {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
  };
  const char32_t lead = byte(0);
  const auto tail = [&](std::size_t i) { return byte(i) & 0x3FU; };
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xE0) return {(lead & 0x1FU) << 6 | tail(1), 2};
  if (lead < 0xF0) return {(lead & 0x0FU) << 12 | tail(1) << 6 | tail(2), 3};
  return {(lead & 0x07U) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3), 4};
}

struct Range {
  char32_t first, last;
};

template <std::size_t N>
bool in(const std::array<Range, N>& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range& r) { return r.first <= c && c <= r.last; });
}

// Characters that move the cursor, reorder text or hide in it.
constexpr std::array<Range, 8> kUnsafe = {{{0x00, 0x1F},
                                           {0x7F, 0x9F},
                                           {0x061C, 0x061C},
                                           {0x200B, 0x200F},
                                           {0x2028, 0x202E},
                                           {0x2060, 0x206F},
                                           {0xFEFF, 0xFEFF},
                                           {0xE0000, 0xE007F}}};

// Zero-width marks (Unicode Mn in the blocks seen in practice).
constexpr std::array<Range, 5> kCombining = {
    {{0x0300, 0x036F}, {0x1AB0, 0x1AFF}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}}};

// Unicode East Asian Width W and F, by block.
constexpr std::array<Range, 11> kWide = {{{0x1100, 0x115F},
                                          {0x2E80, 0x303E},
                                          {0x3041, 0xA4CF},
                                          {0xAC00, 0xD7A3},
                                          {0xF900, 0xFAFF},
                                          {0xFE30, 0xFE6F},
                                          {0xFF00, 0xFF60},
                                          {0xFFE0, 0xFFE6},
                                          {0x1F300, 0x1F64F},
                                          {0x1F900, 0x1F9FF},
                                          {0x20000, 0x3FFFD}}};

std::size_t columns_of(char32_t c) {
  if (c < 0x80) return 1;
  if (in(kCombining, c)) return 0;
  return in(kWide, c) ? 2 : 1;
}

std::string escape(char32_t c) {
  if (c == U'\n') return "\\n";
  if (c == U'\r') return "\\r";
  if (c < 0x100) return fmt::format("\\x{:02x}", static_cast<std::uint32_t>(c));
  if (c < 0x10000) return fmt::format("\\u{:04x}", static_cast<std::uint32_t>(c));
  return fmt::format("\\U{:08x}", static_cast<std::uint32_t>(c));
}

}  // namespace

std::string printable(std::string_view text, bool ascii_only) {
  const std::string valid = to_valid_utf8(text);
  std::string out;
  out.reserve(valid.size());
  for (std::size_t at = 0; at < valid.size();) {
    const CodePoint c = decode(valid, at);
    if (c.value == U'\t') {
      out += "    ";
    } else if (in(kUnsafe, c.value) || (ascii_only && c.value > 0x7E)) {
      out += escape(c.value);
    } else {
      out.append(valid, at, c.bytes);
    }
    at += c.bytes;
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = decode(text, at);
    width += columns_of(c.value);
    at += c.bytes;
  }
  return width;
}

std::size_t prefix_that_fits(std::string_view text, std::size_t columns) {
  std::size_t at = 0;
  for (std::size_t width = 0; at < text.size();) {
    const CodePoint c = decode(text, at);
    width += columns_of(c.value);
    if (width > columns) break;
    at += c.bytes;
  }
  return std::min(at, text.size());
}

std::string truncated(std::string_view text, std::size_t columns, std::string_view ellipsis) {
  if (display_width(text) <= columns) return std::string(text);
  const std::size_t room = columns - std::min(columns, display_width(ellipsis));
  std::string out(text.substr(0, prefix_that_fits(text, room)));
  return out.append(ellipsis.substr(0, prefix_that_fits(ellipsis, columns)));
}

std::string truncated_front(std::string_view text, std::size_t columns, std::string_view ellipsis) {
  const std::size_t width = display_width(text);
  if (width <= columns) return std::string(text);
  const std::size_t room = columns - std::min(columns, display_width(ellipsis));
  std::size_t from = prefix_that_fits(text, width - room);
  while (display_width(text.substr(from)) > room) from += decode(text, from).bytes;  // a wide character across the cut
  return std::string(ellipsis.substr(0, prefix_that_fits(ellipsis, columns))).append(text.substr(from));
}

}  // namespace segwhy::report
