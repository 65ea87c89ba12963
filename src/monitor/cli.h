// The command line: parses it and runs the command it names. Returns the exit status of the process; 2 for a usage
// error.
#pragma once

#include "monitor/descriptors.h"

namespace segwhy {

[[nodiscard]] int run_cli(int argc, const char* const* argv, const StandardDescriptors& standard);

}  // namespace segwhy
