// Whose code a Python frame runs: the user's, an installed package's, the standard library's or the interpreter's own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "evidence/model/snapshot.h"

namespace segwhy::pystate {

inline constexpr char kOriginUser[] = "user";
inline constexpr char kOriginPackage[] = "package";
inline constexpr char kOriginStdlib[] = "stdlib";
inline constexpr char kOriginFrozen[] = "frozen";

// Folders (or zip files) of the standard library of the interpreter in `module`, a CPython 3.`minor`, as the process
// names them. Looks at the file system under snapshot.root for those that are there.
[[nodiscard]] std::vector<std::string> find_stdlib(const Snapshot& snapshot, const std::string& module, int minor);

// One of the above, or "" when `file` (a co_filename) does not tell. A path is a package's when it lies in a
// site-packages or dist-packages folder that pip or the distribution made, in an egg or a wheel. Pure, but that a
// folder of such a name outside a Python installation is looked into (under `root`): anyone may call a folder so.
[[nodiscard]] std::string origin_of(std::string_view file, const std::vector<std::string>& stdlib,
                                    const std::string& root);

}  // namespace segwhy::pystate
