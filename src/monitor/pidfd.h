// Processes that are not our children, held by pidfd: alive or not, and how they ended. A pid alone may be reused.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "base/fd.h"

namespace segwhy {

// Empty when the process is gone or no descriptor is left. Polls readable when the process has ended.
[[nodiscard]] Fd open_pidfd(pid_t pid);

// The wait status of the ended process `pid`, held by `pidfd`: from the zombie while it is one, from the kernel's
// record after it was reaped (Linux 6.15+). nullopt when neither can be read, or when it has not ended.
[[nodiscard]] std::optional<int> ended_status(const Fd& pidfd, pid_t pid);

// Whether the process (not its zombie) exists.
[[nodiscard]] bool is_alive(const Fd& pidfd, pid_t pid);

// Start of the process, nanoseconds of CLOCK_BOOTTIME, to a clock tick; nullopt without /proc.
[[nodiscard]] std::optional<std::uint64_t> start_time_ns(pid_t pid);

}  // namespace segwhy
