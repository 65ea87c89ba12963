// Finds the interpreter in a process: its _PyRuntime and its version.
//
// Every build since 3.7 exports _PyRuntime for its own extension modules, so the dynamic symbol table names it,
// stripped or not, in the program (static builds) or in libpython. Where an embedder hid it, the full symbol table or
// the section .PyRuntime (3.13 and later) may still tell.
#pragma once

#include <string>

#include "base/result.h"
#include "evidence/model/snapshot.h"

namespace segwhy::pystate {

struct PythonRuntime {
  TargetAddr address;          // of _PyRuntime
  int minor = 0;               // of 3.minor
  std::string version;         // "3.8.18"; "3.8" when no more is known
  bool free_threaded = false;  // known from 3.13 on
  std::string module;          // path of the object that contains it
};

// An error when no Python 3 is mapped.
[[nodiscard]] Result<PythonRuntime> locate_runtime(const Snapshot& snapshot);

// Pure parts, here for tests.

// The version in a PY_VERSION_HEX, "" when it is not one of Python 3.
[[nodiscard]] std::string version_text(std::uint32_t version_hex);
// The version that begins the text of Py_GetVersion() ("3.8.18 (default, ...") somewhere in `bytes`, "" when none does.
[[nodiscard]] std::string find_version_banner(std::string_view bytes);
// "3.8" from "libpython3.8.so.1.0" or "/usr/bin/python3.8"; "" when the name does not tell.
[[nodiscard]] std::string version_in_file_name(std::string_view path);

}  // namespace segwhy::pystate
