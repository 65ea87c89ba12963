#include "capture/registers.h"

#include <sys/user.h>

#include <array>
#include <cstring>
#include <vector>

#include "base/text.h"

namespace segwhy {
namespace {

std::optional<std::uint64_t> parse_hex(std::string_view text) {
  if (!text.starts_with("0x")) return std::nullopt;
  return parse_number(text.substr(2), 16);
}

}  // namespace

Registers registers_from_user_regs(std::span<const std::uint64_t, kUserRegisterCount> user) {
  user_regs_struct from{};
  static_assert(sizeof from == kUserRegisterCount * sizeof(std::uint64_t));
  std::memcpy(&from, user.data(), sizeof from);
  Registers to;
  to.dwarf = {from.rax, from.rdx, from.rcx, from.rbx, from.rsi, from.rdi, from.rbp, from.rsp, from.r8,
              from.r9,  from.r10, from.r11, from.r12, from.r13, from.r14, from.r15, from.rip};
  to.eflags = from.eflags;
  to.fs_base = from.fs_base;
  to.gs_base = from.gs_base;
  return to;
}

Registers registers_from_wire(const wire::RegisterSet& set) {
  Registers to;
  to.dwarf = {set.rax, set.rdx, set.rcx, set.rbx, set.rsi, set.rdi, set.rbp, set.rsp, set.r8,
              set.r9,  set.r10, set.r11, set.r12, set.r13, set.r14, set.r15, set.rip};
  to.eflags = set.eflags;
  to.fs_base = set.fs_base;
  to.gs_base = set.gs_base;
  return to;
}

std::optional<Registers> registers_from_syscall_text(std::string_view text) {
  const std::vector<std::string_view> words = split(trim(text), ' ');
  if (words.size() != 9 && words.size() != 3) return std::nullopt;
  std::array<std::uint64_t, 8> numbers{};
  const std::size_t count = words.size() - 1;
  for (std::size_t i = 0; i < count; ++i) {
    const auto number = parse_hex(words[i + 1]);
    if (!number) return std::nullopt;
    numbers.at(i) = *number;
  }
  Registers to;
  if (count == numbers.size()) {
    static constexpr std::array kArguments = {Registers::kRdi, Registers::kRsi, Registers::kRdx,
                                              Registers::kR10, Registers::kR8,  Registers::kR9};
    for (std::size_t i = 0; i < kArguments.size(); ++i) to.dwarf[kArguments[i]] = numbers[i];
  }
  to.dwarf[Registers::kRip] = numbers.at(count - 1);
  to.dwarf[Registers::kRsp] = numbers.at(count - 2);
  return to;
}

}  // namespace segwhy
