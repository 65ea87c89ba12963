// Whose an instruction is, as far as exact mode treats it differently.
//
// libc's string functions read whole vectors beyond the end of a string, never across a page, on purpose; the dynamic
// linker has copies of its own. Anybody else who does that does it wrong. The runtime's own accesses are not the
// program's.
#pragma once

#include <stdint.h>

#include "runtime/exact/code_cache.h"

namespace segwhy::runtime::exact {

enum class CodeOrigin : uint32_t { kUnknown, kProgram, kStringFunction, kRuntime };

struct CodeRange {
  uintptr_t begin, end;
};

// Finds the string functions; `runtime` is the runtime's own code. Not async-signal-safe (dlsym); once, before the
// first fault.
void find_code_origins(const CodeRange& runtime);

// Looked up once per entry. Async-signal-safe, thread-safe.
[[nodiscard]] CodeOrigin origin_of(CodeEntry& entry);

}  // namespace segwhy::runtime::exact
