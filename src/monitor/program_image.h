// Whether the dynamic linker would load the runtime into a program, judged from its file.
//
// LD_PRELOAD works in 64-bit x86 programs that glibc's dynamic linker starts with the user's own rights. In all others
// it is ignored, or worse: a 32-bit or musl linker prints an error for each program it starts.
#pragma once

#include <optional>
#include <string>

namespace segwhy {

// Why the runtime cannot be loaded into the program at `path` ("is statically linked"), or nullopt when it can. Follows
// "#!" lines to the interpreter. A file that cannot be read is taken to work: executing it gives the better error.
[[nodiscard]] std::optional<std::string> preload_obstacle(const std::string& path);

}  // namespace segwhy
