// What this process learns about its children and threads, noted in its ProcessRecord. Thread-safe, async-signal-safe.
#pragma once

#include <signal.h>
#include <sys/types.h>

namespace segwhy::runtime {

// A child that has ended, with its status as wait(2) encodes it; any other status is ignored.
void note_child_status(pid_t pid, int status);

// The same as waitid(2) tells it.
void note_child_info(const siginfo_t& info);

}  // namespace segwhy::runtime
