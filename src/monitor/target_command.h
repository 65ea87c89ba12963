// What `segwhy run WORDS...` is to execute: a Python script with the right Python, or a command as the shell would find
// it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace segwhy {

struct CommandRequest {
  std::vector<std::string> words;     // not empty
  std::optional<std::string> python;  // --python: all words are for this interpreter
  std::string own_directory;  // where the segwhy executable is: a Python beside it belongs to the same environment
  // Reads an environment variable.
  std::function<std::optional<std::string>(const std::string&)> environment;
};

struct TargetCommand {
  std::string path;               // of the file to execute
  std::vector<std::string> argv;  // argv[0] as the user would have typed it
};

struct CommandError {
  Error error;
  int exit_status = 127;  // as shells have it: 127 not found, 126 found but not executable
};

// Reads the file system; starts nothing.
[[nodiscard]] tl::expected<TargetCommand, CommandError> resolve_command(const CommandRequest& request);

}  // namespace segwhy
