// Whose code a native frame runs, told by the paths of its module and source file. Pure and thread-safe.
#pragma once

#include <string_view>

namespace segwhy {

// "user": code with line information that is neither the system's, nor an installed package's, nor the interpreter's,
// as a program or extension built at this machine has it; else "". `file`: as the debug information names it.
[[nodiscard]] std::string_view native_origin(std::string_view module, std::string_view file);

}  // namespace segwhy
