// Evaluates the DWARF expressions that occur in call frame information (PLT entries, signal trampolines, functions that
// realign their stack). Bounded, checked; anything unusual makes the result absent.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <optional>
#include <span>

#include "unwind/frame_state.h"
#include "unwind/stack_reader.h"

namespace segwhy {

// `initial` is what the expression starts with on its stack: the CFA for register rules, nothing for the CFA itself.
[[nodiscard]] std::optional<std::uint64_t> evaluate_expression(std::span<const Dwarf_Op> ops, const FrameState& frame,
                                                               StackReader& memory,
                                                               std::optional<std::uint64_t> initial);

}  // namespace segwhy
