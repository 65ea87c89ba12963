// Starts the program: environment with the runtime in front of the user's LD_PRELOAD, then fork and exec in the state
// the front was started in (descriptors, signal mask, dispositions).
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "monitor/descriptors.h"
#include "monitor/signal_state.h"
#include "monitor/target_command.h"

namespace segwhy {

// How the runtime in the program finds the session; absent: the program runs without the runtime.
struct RuntimeAttachment {
  std::string library;  // path of libsegwhy.so
  pid_t monitor_pid = 0;
  int monitor_fd = -1;  // the session memfd's number in the monitor
  int local_fd = -1;    // and in the caller, to be inherited
  // Name and value of variables for a program that does not set them itself.
  std::vector<std::pair<std::string, std::string>> defaults;
};

// `variables` ("NAME=value") with the runtime attached.
[[nodiscard]] std::vector<std::string> attach_runtime(std::vector<std::string> variables,
                                                      const RuntimeAttachment& runtime);

// Whether LD_PRELOAD can name this path: its separators, space and colon, cannot be quoted.
[[nodiscard]] bool preloadable_path(const std::string& library);

// A forked program that is about to be executed.
struct StartingProgram {
  pid_t pid = -1;
  Fd exec_report;  // yields errno when the execution fails, the end of the stream when it succeeded
};

// Forks and executes `command`. Call with all signals blocked and no threads.
Result<StartingProgram> fork_program(const TargetCommand& command, const std::optional<RuntimeAttachment>& runtime,
                                     const SignalState& signals, const StandardDescriptors& standard);

// Executes `command` in the calling process, without the runtime; returns errno when that fails.
[[nodiscard]] int become_program(const TargetCommand& command, const SignalState& signals,
                                 const StandardDescriptors& standard);

// Waits until the program's image is in place (returns 0) or execve failed (returns its errno; the child ends by
// itself).
[[nodiscard]] int wait_for_exec(const StartingProgram& program);

}  // namespace segwhy
