#include "diagnose/addresses.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

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

bool holds(const MappingInfo& mapping, Address address) {
  return mapping.start <= address && address < mapping.end;
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

bool permits(const MappingInfo& mapping, std::string_view access) {
  const std::string& permissions = mapping.permissions;
  if (permissions.size() < 3 || permissions[0] != 'r') return false;
  return access != "write" || permissions[1] == 'w';
}

std::string gap(const MappingInfo& mapping, const char* side) {
  return fmt::format("{} {} {}", human_bytes(mapping.distance), side, describe(mapping));
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

const Operand* faulting_operand(const Fault& fault) {
  if (!fault.instruction) return nullptr;
  const auto& operands = fault.instruction->operands;
  if (fault.operand && *fault.operand < operands.size() && operands[*fault.operand].kind == "memory")
    return &operands[*fault.operand];
  const Operand* only = nullptr;
  int count = 0;
  for (const Operand& operand : operands) {
    if (operand.kind != "memory" || (!operand.read && !operand.written)) continue;
    ++count;
    only = &operand;
    // The kernel names the first byte it could not reach, which is not the first of a wide access across a page's end.
    const bool covers = operand.address && fault.address && *fault.address >= *operand.address &&
                        *fault.address - *operand.address < std::max<std::uint32_t>(operand.width, 1);
    if (covers) return &operand;
  }
  return count == 1 ? only : nullptr;
}

std::optional<std::uint64_t> register_value(const Operand& operand, const std::string& name) {
  const auto found = operand.registers.find(name);
  if (name.empty() || found == operand.registers.end()) return std::nullopt;
  return found->second;
}

std::optional<BaseReading> read_base(const Operand& operand, const Case& evidence) {
  const auto base = register_value(operand, operand.base);
  if (!base) return std::nullopt;
  auto reading = read_pointer_value(*base, evidence);
  if (!reading) return std::nullopt;
  return BaseReading{operand.base, *base, std::move(*reading)};
}

std::optional<Reach> reach_of(const Fault& fault) {
  const Operand* operand = faulting_operand(fault);
  if (operand == nullptr || !operand->address) return std::nullopt;
  // Compilers put the array into either register when the scale is 1.
  const auto base = register_value(*operand, operand->base);
  const auto index = register_value(*operand, operand->index);
  struct Choice {
    std::optional<std::uint64_t> pointer, offset;
    const std::string *pointer_name, *offset_name;
  };
  const std::array<Choice, 2> choices = {
      {{base, index, &operand->base, &operand->index}, {index, base, &operand->index, &operand->base}}};
  for (std::size_t i = 0; i < (operand->scale <= 1 ? 2U : 1U); ++i) {
    const Choice& choice = choices.at(i);
    if (!choice.pointer) continue;
    // A pointer into the mapping that refused the access is no good pointer, and one without a distance is the address.
    if (*operand->address == *choice.pointer) continue;
    for (const auto* mapping : {&fault.below, &fault.above}) {
      if (!*mapping || !holds(**mapping, *choice.pointer) || !permits(**mapping, fault.access)) continue;
      Reach reach;
      reach.mapping = **mapping;
      reach.base = *choice.pointer;
      reach.base_register = *choice.pointer_name;
      reach.index_register = choice.offset ? *choice.offset_name : "";
      reach.index = static_cast<std::int64_t>(choice.offset.value_or(0));
      reach.distance = static_cast<std::int64_t>(*operand->address - *choice.pointer);
      return reach;
    }
  }
  return std::nullopt;
}

std::string describe(const MappingInfo& mapping) {
  if (mapping.path.empty()) return fmt::format("an anonymous mapping ({})", mapping.permissions);
  std::string name(mapping.path.starts_with('[') ? std::string_view(mapping.path) : base_name(mapping.path));
  if (!mapping.section.empty()) return fmt::format("{} of {} ({})", mapping.section, name, mapping.permissions);
  return fmt::format("{} ({})", name, mapping.permissions);
}

std::string describe_place(const Fault& fault) {
  if (fault.non_canonical) return "not an address the CPU accepts (non-canonical)";
  if (fault.inside) return "inside " + describe(*fault.inside);
  // What lies terabytes away says nothing.
  constexpr std::uint64_t kFar = std::uint64_t{1} << 32;
  const bool below = fault.below && fault.below->distance < kFar;
  const bool above = fault.above && fault.above->distance < kFar;
  if (below && (!above || fault.below->distance <= fault.above->distance))
    return "unmapped, " + gap(*fault.below, "above the end of");
  if (above) return "unmapped, " + gap(*fault.above, "below");
  return "unmapped";
}

}  // namespace segwhy
