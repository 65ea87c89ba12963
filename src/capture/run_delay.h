// How long a process was kept waiting for a processor. Reads /proc; thread-safe.
#pragma once

#include <cstdint>

namespace segwhy {

// Of its first thread, since it began, in nanoseconds: ready to run, and not run. 0 where the kernel does not tell, or
// the process is gone.
[[nodiscard]] std::uint64_t read_run_delay_ns(int pid);

}  // namespace segwhy
