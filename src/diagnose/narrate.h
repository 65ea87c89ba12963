// Words that several rules share: who did it, where and with which inputs.
//
// Pure and thread-safe. Sentences start with a capital and end with a full stop; phrases do neither.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "diagnose/candidate.h"

namespace segwhy {

// The culprit function: "Foo::Bar", "memset (called through ctypes)", or "".
[[nodiscard]] std::string culprit_phrase(const Facts& facts);
// "Op SparseCount" when the framework's op is known, else the culprit function, else "The program".
[[nodiscard]] std::string subject(const Facts& facts);
// " in Foo::Compute (libx.so)" or "".
[[nodiscard]] std::string in_function(const Facts& facts);
// "main.py:8", "main.py" without a line, "" without a file.
[[nodiscard]] std::string short_place(const std::string& file, const std::optional<int>& line);
// "main.py:8" or "".
[[nodiscard]] std::string line_name(const Facts& facts);
// " at main.py:8" or "".
[[nodiscard]] std::string at_line(const Facts& facts);

// What the line gave to the code that died: "what main.py:8 passes in", of a native line "what solver.cc:8 works on".
// Needs `where`.
[[nodiscard]] std::string input_of_line(const Facts& facts);

// "TensorFlow 2.8.0 was running op X on input 0 (float32 [0, 3]), ...", for evidence; empty without a framework.
[[nodiscard]] std::string framework_sentence(const Facts& facts);
// "on_usr1 ran as a signal handler, which interrupted kill.", for evidence of a memory fault; empty outside of
// handlers.
[[nodiscard]] std::string handler_sentence(const Facts& facts);
// What to look at on the user's line: names the op, its odd inputs and the line; empty when none of it is known.
[[nodiscard]] std::string argument_advice(const Facts& facts);

[[nodiscard]] std::string quoted(std::string_view text);
[[nodiscard]] std::string joined(const std::vector<std::string>& parts, std::string_view separator);

}  // namespace segwhy
