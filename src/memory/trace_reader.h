// The recorder's table of traces (evidence/wire/traces.h), read without trust. Pure but for reading the file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "evidence/wire/traces.h"
#include "history/area.h"

namespace segwhy::memory {

struct SignaturePart {
  std::string name;
  char kind = 0;  // wire::SignatureKind
  std::string text;
};

struct Trace {
  std::uint32_t function = 0;  // index
  std::uint32_t stack = 0;
  std::uint64_t ticks = 0;
  bool other_object = false;
  std::vector<SignaturePart> signature;
};

struct TraceTable {
  struct Function {
    std::uint32_t code = 0;  // a stack
    std::uint64_t traces = 0;
  };
  std::vector<Function> functions;
  std::vector<Trace> traces;  // in their order; each has a function
};

// Empty when the process has no such table, or one that makes no sense.
[[nodiscard]] TraceTable read_traces(const history::Area& area);

}  // namespace segwhy::memory
