// The commands of the segwhy executable that need no header of their own. Each returns the exit status of the process.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "monitor/descriptors.h"
#include "monitor/run_options.h"

namespace segwhy {

// Runs a program under the monitor; ends the process as the program ended and returns only when it could not be
// started.
[[nodiscard]] int run_command(const RunOptions& options, const StandardDescriptors& standard);

struct ReportOptions {
  std::string path;  // of a saved case, or of a core file
  std::optional<std::string> json_path;
  std::optional<std::string> case_path;  // `core` only
  bool verbose = false;
};

// Judges a saved case again and prints the report to standard output.
[[nodiscard]] int report_command(const ReportOptions& options);

// The same from a core file.
[[nodiscard]] int core_command(const ReportOptions& options);

struct CompareOptions {
  std::string old_word, new_word;      // a saved case (*.case), or a Python script or command
  std::vector<std::string> arguments;  // of both programs
  std::optional<std::string> python, json_path;
};

// Runs two programs one after the other, or reads two cases, and prints one table of what differs.
[[nodiscard]] int compare_command(const CompareOptions& options);

// Prints "segwhy: WHAT (HINT)" to standard error.
void print_error(const std::string& what, const std::string& hint = {});

}  // namespace segwhy
