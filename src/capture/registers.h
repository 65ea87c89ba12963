// General registers from the layouts in which the kernel and the runtime give them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "evidence/model/snapshot.h"
#include "evidence/wire/session.h"

namespace segwhy {

// struct user_regs_struct: what PTRACE_GETREGSET and NT_PRSTATUS hold.
inline constexpr std::size_t kUserRegisterCount = 27;
[[nodiscard]] Registers registers_from_user_regs(std::span<const std::uint64_t, kUserRegisterCount> user);

[[nodiscard]] Registers registers_from_wire(const wire::RegisterSet& set);

// /proc/PID/task/TID/syscall of a thread that is blocked in the kernel: "NR ARG1..6 SP PC" (or "-1 SP PC" outside a
// system call). Only pc, sp and the argument registers are known, the others are zero. nullopt for "running" and for
// anything else.
[[nodiscard]] std::optional<Registers> registers_from_syscall_text(std::string_view text);

}  // namespace segwhy
