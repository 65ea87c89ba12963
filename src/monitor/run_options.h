// What `segwhy run` was asked to do.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "monitor/protection.h"

namespace segwhy {

// What `segwhy mem` adds.
struct MemoryOptions {
  bool asked = false;                   // `segwhy mem`: its report is always printed
  bool live = false;                    // show it while the program runs
  bool guard = false;                   // warn shortly before a limit is hit
  std::optional<std::string> svg_path;  // the picture
};

struct RunOptions {
  std::vector<std::string> words;     // script or command with its arguments, not empty
  std::optional<std::string> python;  // interpreter to run them with
  Protection protection{wire::kProtectTensors, 50};
  MemoryOptions memory;
  std::optional<std::string> json_path, case_path;
  bool quiet = false, verbose = false, fail_on_error = false;
  bool eager = false;  // TensorFlow's functions are to run eagerly
  bool rerun = false;  // again in exact mode, when that may tell more
};

}  // namespace segwhy
