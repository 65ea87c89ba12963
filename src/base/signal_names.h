// Names of signals. Pure and thread-safe.
#pragma once

#include <string>

namespace segwhy {

// "SIGSEGV"; "signal 42" for one without a name.
[[nodiscard]] std::string signal_name(int signal);

}  // namespace segwhy
