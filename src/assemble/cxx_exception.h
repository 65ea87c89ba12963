// The C++ exception a thread was throwing when it died, read from its stack and heap.
//
// An uncaught exception ends in std::terminate with the thrower's frames still on the stack; among them lie pointers to
// the exception's unwind header. Its class word is a fixed 8-byte tag, its type is reached at a fixed distance (Itanium
// C++ ABI, "Exception Handling" 2.2.1, as libstdc++ and libc++abi lay it out), so no debug information is needed.
#pragma once

#include <optional>

#include "evidence/model/case.h"
#include "evidence/model/snapshot.h"

namespace segwhy {

// nullopt when no exception header is found near the thread's stack pointer. An exception that is being handled
// (caught, and its handler aborted) is found too: the caller decides by the native frames whether it escaped.
[[nodiscard]] std::optional<CxxException> find_cxx_exception(const Snapshot& snapshot, const ThreadSnapshot& thread);

}  // namespace segwhy
