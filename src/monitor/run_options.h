// What `segwhy run` was asked to do.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace segwhy {

struct RunOptions {
  std::vector<std::string> words;     // script or command with its arguments, not empty
  std::optional<std::string> python;  // interpreter to run them with
  std::string protect;                // as asked for; empty: not asked
  std::optional<std::string> json_path, case_path;
  bool quiet = false, verbose = false, fail_on_error = false;
};

}  // namespace segwhy
