#include "diagnose/pointer_reading.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "base/text.h"

namespace segwhy {
namespace {

std::array<unsigned char, 8> bytes_of(std::uint64_t value) {
  std::array<unsigned char, 8> bytes{};
  for (unsigned char& byte : bytes) {
    byte = static_cast<unsigned char>(value & 0xFF);
    value >>= 8;
  }
  return bytes;
}

// Six or more printable characters from the lowest byte on, then only zeros: a string where a pointer should be.
std::optional<Reading> as_text(std::uint64_t value) {
  std::string text;
  for (const unsigned char byte : bytes_of(value)) {
    if (byte >= 0x20 && byte < 0x7F)
      text += static_cast<char>(byte);
    else
      break;
  }
  const bool rest_is_zero = text.size() == 8 || (value >> (8 * text.size())) == 0;
  if (text.size() < 6 || !rest_is_zero) return std::nullopt;
  return Reading{Reading::Kind::kText, "the text \"" + text + "\""};
}

std::optional<int> perturb_byte(const Case& evidence) {
  const auto found = evidence.program.environment.find("MALLOC_PERTURB_");
  if (found == evidence.program.environment.end()) return std::nullopt;
  const auto value = parse_number(found->second);
  return value && *value != 0 ? std::optional(static_cast<int>(*value & 0xFF)) : std::nullopt;
}

// What the runtime's small tier fills blocks with (runtime/heap/small.h).
constexpr unsigned char kSegwhyFreshFill = 0xBE, kSegwhyFreedFill = 0xDF;

bool guards_small_blocks(const Case& evidence) {
  return evidence.protection && evidence.protection->mode == "all";
}

// At least six equal bytes (a small offset may have changed the lowest ones).
std::optional<Reading> as_fill(std::uint64_t value, const Case& evidence) {
  const auto bytes = bytes_of(value);
  const unsigned char fill = bytes[7];
  for (std::size_t i = 2; i < 8; ++i)
    if (bytes.at(i) != fill) return std::nullopt;
  using Kind = Reading::Kind;
  const auto reading = [&](Kind kind, const char* who) {
    return Reading{kind, fmt::format("the fill pattern 0x{:02x} ({})", unsigned{fill}, who)};
  };
  if (const auto perturb = perturb_byte(evidence)) {
    if (fill == *perturb) return reading(Kind::kFreedFill, "MALLOC_PERTURB_ writes it into freed blocks");
    if (fill == (*perturb ^ 0xFF)) return reading(Kind::kFreshFill, "MALLOC_PERTURB_ writes it into new blocks");
  }
  if (guards_small_blocks(evidence)) {
    if (fill == kSegwhyFreedFill) return reading(Kind::kFreedFill, "--protect all writes it into freed blocks");
    if (fill == kSegwhyFreshFill) return reading(Kind::kFreshFill, "--protect all writes it into new blocks");
  }
  switch (fill) {
    case 0xDD:
      return reading(Kind::kFreedFill, "CPython's debug allocator writes it into freed blocks");
    case 0xCD:
      return reading(Kind::kFreshFill, "CPython's debug allocator writes it into new blocks");
    case 0x5A:
      return reading(Kind::kFreedFill, "jemalloc writes it into freed blocks");
    case 0xA5:
      return reading(Kind::kFreshFill, "jemalloc writes it into new blocks");
    default:
      return std::nullopt;
  }
}

// glibc 2.32 and later store the link of a freed block as link ^ (its own address >> 12). When both lie close to each
// other the top bits undo themselves from the left; bits that differ between the two addresses stay wrong.
std::uint64_t demangled(std::uint64_t value) {
  std::uint64_t plain = 0;
  for (int shift = 52; shift >= 0; shift -= 12) {
    const std::uint64_t key = plain >> 12;
    plain = ((value ^ key) >> shift) << shift;
  }
  const std::uint64_t key = plain >> 12;
  return value ^ key;
}

std::optional<Reading> as_free_list_link(std::uint64_t value, const Case& evidence) {
  const Module* executable = nullptr;
  for (const Module& module : evidence.program.modules)
    if (!evidence.program.executable.empty() && module.path == evidence.program.executable) executable = &module;
  // A program at a low fixed address has a low heap, whose links hardly differ from its pointers.
  if (executable == nullptr || executable->end < (Address{1} << 40)) return std::nullopt;
  // The heap starts within 32 MiB of the program and is no larger than the process ever was. An ordinary pointer into
  // it with a large index added can decode into it as well; a link also stands for an aligned address, which shows only
  // when link and place lie on pages whose numbers end alike.
  const std::uint64_t reach = (std::uint64_t{64} << 20) + evidence.machine.peak_rss.value_or(std::uint64_t{1} << 30);
  const std::uint64_t plain = demangled(value);
  const bool in_heap = plain >= executable->end && plain - executable->end < reach;
  if (!in_heap || plain == value) return std::nullopt;
  const bool aligned = plain % 16 == 0;
  return Reading{Reading::Kind::kFreeListLink,
                 fmt::format("{} a link of glibc's list of freed blocks (0x{:x} stands for about 0x{:x})",
                             aligned ? "what glibc stores as" : "possibly", value, plain),
                 aligned};
}

bool is_round(double number) {
  const double magnitude = std::fabs(number);
  return std::isfinite(number) && magnitude >= 1e-6 && magnitude <= 1e9;
}

// What an array of floating-point numbers holds and a pointer never does: bits set above the user half. A number with
// few digits is one that a person or a simple computation made; others only may be.
std::optional<Reading> as_float(std::uint64_t value) {
  if (is_user_address(value)) return std::nullopt;
  const auto wide = std::bit_cast<double>(value);
  const bool few_digits = (value & 0xFFFFFFFF) == 0;
  if (is_round(wide) && few_digits)
    return Reading{Reading::Kind::kFloat, fmt::format("the floating-point number {}", wide)};
  const auto low = std::bit_cast<float>(static_cast<std::uint32_t>(value));
  const auto high = std::bit_cast<float>(static_cast<std::uint32_t>(value >> 32));
  if (is_round(static_cast<double>(low)) && is_round(static_cast<double>(high)) && (value & 0xFFF) == 0)
    return Reading{Reading::Kind::kFloat, fmt::format("the two floating-point numbers {} and {}", low, high)};
  if (!is_round(wide)) return std::nullopt;
  return Reading{Reading::Kind::kFloat, fmt::format("possibly the floating-point number {}", wide), false};
}

// The lower half of a pointer, with zeros or copies of its sign in front: what passing it as a C int leaves. Only where
// everything is mapped above 4 GiB can it be none. A number below 16 MiB is more likely a size or an index.
std::optional<Reading> as_cut_pointer(std::uint64_t value, const Case& evidence) {
  const auto upper = static_cast<std::uint32_t>(value >> 32);
  const auto lower = static_cast<std::uint32_t>(value);
  constexpr std::uint32_t kSmallest = 1U << 24;
  const bool extended = upper == 0 || (upper == 0xFFFFFFFF && (lower >> 31) != 0);
  const auto& modules = evidence.program.modules;
  const auto is_high = [](const Module& module) { return module.start >> 32 != 0; };
  if (!extended || lower < kSmallest || modules.empty() || !std::all_of(modules.begin(), modules.end(), is_high))
    return std::nullopt;
  return Reading{Reading::Kind::kCutPointer,
                 "a number of 32 bits, while everything is mapped above 4 GiB: a pointer "
                 "that was cut to an int looks like this",
                 false};
}

}  // namespace

std::optional<Reading> read_pointer_value(std::uint64_t value, const Case& evidence) {
  if (is_null_zone(value)) return std::nullopt;
  if (auto fill = as_fill(value, evidence)) return fill;  // some fills are letters
  if (auto text = as_text(value)) return text;
  if (auto number = as_float(value)) return number;
  if (auto cut = as_cut_pointer(value, evidence)) return cut;
  return as_free_list_link(value, evidence);
}

}  // namespace segwhy
