// A framework's own fatal check, from the line it logs before it aborts: TensorFlow, XLA, abseil, glog, PyTorch, Arrow,
// oneDNN's and others' "Check failed: ..." and plain fatal log lines.
#pragma once

#include <optional>
#include <string>

#include "diagnose/messages/lines.h"

namespace segwhy::text {

struct CheckFailure {
  std::string file;  // as logged; empty when the line names none
  std::optional<int> line;
  std::string expression;   // "new_num_elements == NumElements()"; empty for a fatal log line without a check
  std::string left, right;  // the two values of a comparison, as printed
  std::string detail;       // the message behind it
  std::string text;         // from "Check failed" (or the message) to the end of the line
};

// The last one in the text.
[[nodiscard]] std::optional<CheckFailure> find_check_failure(const Lines& lines);

}  // namespace segwhy::text
