// What `--protect` and `--budget` mean: the mode for the runtime, and what the program's environment needs for it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "evidence/wire/recorder.h"

namespace segwhy {

// What the runtime is to protect, and the CPU time that it may take, in thousandths.
struct Protection {
  wire::ProtectMode mode = wire::kProtectOff;
  std::uint32_t budget_permille = 50;
  // Blocks of this size and more are accounted one by one, smaller ones by samples; 0: none.
  std::uint64_t account_bytes = 0;
};

// Protection::account_bytes of `segwhy mem`. `segwhy run` keeps no account: that costs.
inline constexpr std::uint64_t kAccountBytes = std::uint64_t{64} << 10;

// The modes' names on the command line, in the order of wire::ProtectMode.
[[nodiscard]] const std::vector<std::string>& protect_mode_names();

// `name` must be one of them.
[[nodiscard]] wire::ProtectMode protect_mode(std::string_view name);

// The budget in thousandths where the user names none.
[[nodiscard]] std::uint32_t usual_budget_permille(wire::ProtectMode mode);

// Environment variables without which a framework hides blocks from malloc, for a program that does not set them
// itself: name and value.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> protection_variables(const Protection& protection);

}  // namespace segwhy
