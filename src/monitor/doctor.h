// `segwhy doctor`: what would crash here, before it does: CPU, limits, libraries, and whether a crash could be
// captured.
#pragma once

#include <string>

namespace segwhy {

struct DoctorOptions {
  std::string python;  // interpreter whose packages are examined; empty: python3 of PATH, if any
  bool json = false;   // schema segwhy.doctor/1 instead of text
  bool color = false;
  bool unicode = true;
  unsigned width = 100;  // columns
};

// Prints to standard output and returns the exit status: 0, or 1 when a check failed (a warning is not a failure).
[[nodiscard]] int doctor_command(const DoctorOptions& options);

}  // namespace segwhy
