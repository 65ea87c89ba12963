// Traces of functions: what a framework compiled a Python function for, again and again, in the flight recorder
// (wire/recorder.h). TensorFlow's tf.function makes a graph for each kind of call; one that makes a new one at every
// step grows and takes its time.
//
// The process appends, one thread at a time (it holds the interpreter's lock); a record is complete before the count
// that covers it is raised. The reader must treat all of it as hostile. Zero bytes are a valid, empty table.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace segwhy::wire {

inline constexpr uint32_t kMaxTracedFunctions = 256;
inline constexpr uint32_t kMaxSignatureBytes = 224;  // a longer one is cut

// A function, by its code object: objects that were made of the same `def` or `lambda` are one.
struct TracedFunction {
  uint32_t code;    // a stack (wire/stacks.h) of this one frame, before its first instruction
  uint32_t traces;  // atomic; also those without a record
};
static_assert(sizeof(TracedFunction) == 8);

enum TraceFlag : uint16_t {
  kTraceOtherObject = 1,   // not the function object that was traced before: another one of the same code
  kTraceSignatureCut = 2,  // there were more arguments, or longer ones
};

// The signature is a line for each argument: name, tab, a SignatureKind, tab, text, newline. Nested ones have names
// like "batch[1]".
enum SignatureKind : char {
  kSignatureTensor = 'T',  // "float32(64, 3)"
  kSignatureNumber = 'N',  // Python's, bool included
  kSignatureText = 'S',    // Python's str, its first bytes
  kSignatureObject = 'O',  // type and identity: "function 7f0c1b2a9d30"
  kSignatureNone = '-',
};

struct TraceRecord {
  uint32_t function;  // index of its TracedFunction
  uint32_t stack;     // of the call, Python only; 0: not known
  uint64_t ticks;     // when it began
  uint16_t flags;     // TraceFlag
  uint16_t signature_bytes;
  uint32_t reserved;
  uint64_t padding;
  char signature[kMaxSignatureBytes];
};
static_assert(sizeof(TraceRecord) == 256);

// kSectionTraces. TraceRecords follow, as many as the section has room for.
struct TraceTable {
  uint32_t functions;  // atomic, complete ones
  uint32_t traces;     // atomic, complete records
  uint64_t lost;       // atomic; traces that found no room, as a record or as a function
  TracedFunction function_records[kMaxTracedFunctions];
};
static_assert(sizeof(TraceTable) == 16 + 8 * kMaxTracedFunctions);

}  // namespace segwhy::wire
