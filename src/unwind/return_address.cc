#include "unwind/return_address.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace segwhy {
namespace {

constexpr std::size_t kLongestCall = 8;  // prefix, REX, FF, ModRM, SIB, disp32 is 8; E8 rel32 is 5
using Before = std::span<const std::uint8_t>;

// Length of "call r/m64" (FF /2) from its opcode byte on, by its ModRM and SIB bytes.
std::size_t indirect_call_length(std::uint8_t modrm, std::uint8_t sib) {
  const unsigned mod = modrm >> 6U;
  const unsigned rm = modrm & 7U;
  if (mod == 3) return 2;
  const bool has_sib = rm == 4;
  const bool wide = mod == 2 || (mod == 0 && (rm == 5 || (has_sib && (sib & 7U) == 5)));
  return 2U + (has_sib ? 1U : 0U) + (wide ? 4U : mod == 1 ? 1U : 0U);
}

// `code` ends where the return address points.
bool ends_with_call(Before code) {
  if (code.size() >= 5 && code[code.size() - 5] == 0xE8) return true;
  for (std::size_t length = 2; length <= std::min<std::size_t>(code.size(), 7); ++length) {
    const Before call = code.last(length);
    if (call[0] != 0xFF || ((call[1] >> 3U) & 7U) != 2) continue;
    if (indirect_call_length(call[1], length > 2 ? call[2] : std::uint8_t{0}) == length) return true;
  }
  return false;
}

// With and without a redundant REX.W, as glibc and the vDSO, musl and others spell it.
constexpr std::array<std::uint8_t, 9> kSigreturn64 = {0x48, 0xC7, 0xC0, 0x0F, 0, 0, 0, 0x0F, 0x05};
constexpr std::array<std::uint8_t, 7> kSigreturn32 = {0xB8, 0x0F, 0, 0, 0, 0x0F, 0x05};

bool starts_with(std::span<const std::uint8_t> code, std::span<const std::uint8_t> pattern) {
  return code.size() >= pattern.size() && std::equal(pattern.begin(), pattern.end(), code.begin());
}

}  // namespace

bool CodeInspector::executable(TargetAddr pc) const {
  const Mapping* mapping = snapshot_.mapping_of(pc);
  return mapping != nullptr && mapping->executable;
}

bool CodeInspector::follows_call(TargetAddr pc) {
  return (facts(pc) & kFollowsCall) != 0;
}
bool CodeInspector::is_signal_return(TargetAddr pc) {
  return (facts(pc) & kSignalReturn) != 0;
}

unsigned char CodeInspector::facts(TargetAddr pc) {
  auto [it, fresh] = facts_.try_emplace(pc.value());
  if (!fresh) return it->second;
  // A call may be the last instruction of its mapping (a noreturn callee), so ask about the byte before, too.
  if (!executable(pc) && !executable(pc - 1)) return it->second;

  std::array<std::uint8_t, kLongestCall + kSigreturn64.size()> code{};
  const auto bytes = std::as_writable_bytes(std::span(code));
  std::size_t before = kLongestCall;
  std::size_t got = snapshot_.memory->read(pc - before, bytes);
  if (got < before) {  // nothing readable before: the start of a mapping
    before = 0;
    got = snapshot_.memory->read(pc, bytes);
  }
  const std::span<const std::uint8_t> known(code.data(), got);
  if (ends_with_call(known.first(before))) it->second |= kFollowsCall;
  const auto here = known.subspan(before);
  if (starts_with(here, kSigreturn64) || starts_with(here, kSigreturn32)) it->second |= kSignalReturn;
  return it->second;
}

}  // namespace segwhy
