#include "capture/system_call.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/text.h"

namespace segwhy {
namespace {

constexpr std::array<std::uint8_t, 2> kSyscall = {0x0f, 0x05};
constexpr std::size_t kWords = 9;  // number, six arguments, stack pointer, pc
// Behind the load of the number come at most the argument moves of a few bytes each.
constexpr std::size_t kSearchBack = 48;
constexpr std::uint64_t kHighestNumber = 600;

bool is_syscall_at(MemoryReader& memory, TargetAddr pc) {
  const auto code = memory.value<std::array<std::uint8_t, 2>>(pc);
  return code == kSyscall;
}

SystemCall call_of(std::uint64_t number, const Registers& r) {
  return {number,
          {r.dwarf[Registers::kRdi], r.dwarf[Registers::kRsi], r.dwarf[Registers::kRdx], r.dwarf[Registers::kR10],
           r.dwarf[Registers::kR8], r.dwarf[Registers::kR9]}};
}

// The last `mov eax, NUMBER` (b8 imm32) or `xor eax, eax` (31 c0: read) before the call.
std::optional<std::uint64_t> number_loaded_before(MemoryReader& memory, TargetAddr call) {
  std::array<std::byte, kSearchBack> raw{};
  if (call.value() < raw.size() || !memory.read_exact(TargetAddr(call.value() - raw.size()), raw)) return std::nullopt;
  for (std::size_t back = 2; back <= raw.size(); ++back) {
    const std::byte* const at = raw.data() + raw.size() - back;
    if (at[0] == std::byte{0x31} && at[1] == std::byte{0xc0}) return 0;
    if (back < 5 || at[0] != std::byte{0xb8}) continue;
    std::uint32_t number = 0;
    std::memcpy(&number, at + 1, sizeof number);
    if (number < kHighestNumber) return number;
  }
  return std::nullopt;
}

}  // namespace

std::optional<SystemCall> system_call_from_text(std::string_view text) {
  const std::vector<std::string_view> words = split(trim(text), ' ');
  if (words.size() != kWords) return std::nullopt;
  const auto number = parse_number(words[0]);
  if (!number) return std::nullopt;
  SystemCall call{*number, {}};
  for (std::size_t i = 0; i < call.arguments.size(); ++i) {
    const std::string_view word = words[i + 1];
    const auto value = word.starts_with("0x") ? parse_number(word.substr(2), 16) : std::nullopt;
    if (!value) return std::nullopt;
    call.arguments.at(i) = *value;
  }
  return call;
}

std::optional<SystemCall> interrupted_call(const Registers& registers, MemoryReader& memory) {
  const std::uint64_t result = registers.dwarf[Registers::kRax];
  if (is_syscall_at(memory, registers.pc()) && result < kHighestNumber) return call_of(result, registers);
  const TargetAddr call(registers.pc().value() - kSyscall.size());
  if (result != static_cast<std::uint64_t>(-EINTR) || !is_syscall_at(memory, call)) return std::nullopt;
  const auto number = number_loaded_before(memory, call);
  return number ? std::optional(call_of(*number, registers)) : std::nullopt;
}

}  // namespace segwhy
