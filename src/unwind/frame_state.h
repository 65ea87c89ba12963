// The registers of one frame as far as they are known while walking outwards.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>

#include "evidence/model/snapshot.h"

namespace segwhy {

struct FrameState {
  std::array<std::uint64_t, Registers::kCount> value{};
  std::bitset<Registers::kCount> known;

  [[nodiscard]] std::optional<std::uint64_t> get(std::uint64_t reg) const {
    if (reg >= Registers::kCount || !known[reg]) return std::nullopt;
    return value[reg];
  }
  void set(std::size_t reg, std::uint64_t to) {
    value[reg] = to;
    known.set(reg);
  }
  [[nodiscard]] TargetAddr pc() const { return TargetAddr(value[Registers::kRip]); }
  [[nodiscard]] TargetAddr sp() const { return TargetAddr(value[Registers::kRsp]); }
};

}  // namespace segwhy
