// Where this installation's files are, found from the running executable: it may lie in a virtual environment, a build
// tree or anywhere else the directory was copied to.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace segwhy {

// Directory of the segwhy executable, symbolic links resolved; also without /proc. Empty when it cannot be found.
[[nodiscard]] std::string own_directory();

// Candidate places of libsegwhy.so beside an executable in `directory`, best first.
[[nodiscard]] std::vector<std::string> runtime_candidates(const std::string& directory);

// The runtime to preload: $SEGWHY_RUNTIME, else the first candidate that exists; nullopt when there is none.
[[nodiscard]] std::optional<std::string> find_runtime();

}  // namespace segwhy
