// Where graph nodes were created: what the runtime notes of each node of a TensorFlow graph while Python builds it.
//
// A NodeTable lies in the process's own private memory, not in the flight recorder: it is wanted only where a stopped
// process (or its core file) is read anyway, it works whatever is protected, and a forked child has its parent's by
// copy-on-write. The reader finds it through the NodeTableAnchor in the writable data of the runtime's library.
//
// The process appends, one thread at a time (it holds the interpreter's lock); a record is complete before the count
// that covers it is raised. The reader must treat all of it as hostile: positions, counts and sizes are checked.
//
// A text is named by the position of its TextRecord in `texts`; 0: none. Codes are CodeRecords of `codes` (stacks.h).
// Zero bytes are a valid, empty table. Both sides come from one build; changing a layout means a new kNodesVersion.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "evidence/wire/stacks.h"

namespace segwhy::wire {

inline constexpr uint64_t kNodesMagic = 0x0073656469776773;  // "sgwides\0"
inline constexpr uint32_t kNodesVersion = 1;

inline constexpr uint32_t kMaxNodes = 1u << 17;        // further ones are counted as lost
inline constexpr uint32_t kMaxMappedLines = 1u << 16;  // of generated source code
inline constexpr uint32_t kMaxFunctions = 1u << 15;
inline constexpr uint32_t kMaxCalls = 1u << 15;
inline constexpr uint32_t kMaxRunning = 64;       // threads that run a graph at the same time
inline constexpr uint32_t kTextSlots = 1u << 18;  // at most three quarters are used
inline constexpr uint32_t kTextWords = 2u << 20;  // 16 MiB of address space, touched as it fills
inline constexpr uint32_t kMaxTextBytes = 1024;   // a longer one is not kept

// In the runtime's data, on a boundary of 16 bytes.
struct NodeTableAnchor {
  uint64_t magic;  // kNodesMagic
  uint64_t check;  // ~kNodesMagic
  uint64_t table;  // address of the NodeTable, 0: there is none
  uint64_t size;   // sizeof(NodeTable)
};

// Followed by the text in UTF-8, padded to 8 bytes.
struct TextRecord {
  uint32_t hash;
  uint32_t bytes;
};

struct NodeRecord {
  uint32_t name;
  uint32_t op;
  uint32_t graph;  // numbers count from 1, in the order in which the graphs were made
  uint32_t code;   // of the innermost frame that is not a library's; 0: it came to be without one (imported, loaded)
  int32_t instruction;  // byte offset in its bytecode
  uint32_t forward;     // of a gradient's node: name of the node that it belongs to the gradient of, 0: none
};
static_assert(sizeof(NodeRecord) == 24);

// A function of the framework's by its name, and the graph that is its body. One graph may be the body of several.
struct FunctionRecord {
  uint32_t name;
  uint32_t graph;
};
static_assert(sizeof(FunctionRecord) == 8);

// A node that runs a function. A node with several (a loop's condition and body) has as many records. `function` 0: it
// runs what is not known.
struct CallRecord {
  uint32_t graph;
  uint32_t node;  // name
  uint32_t function;
};
static_assert(sizeof(CallRecord) == 12);

// A line of source code that TensorFlow generated (AutoGraph), and the line of the program that it stands for.
struct MappedLine {
  uint32_t generated_file, generated_line;
  uint32_t file, line;
  uint32_t function;
  uint32_t reserved;
};
static_assert(sizeof(MappedLine) == 24);

// A thread that called a function of the framework, from Python, and has not come back.
struct RunningGraph {
  uint64_t thread;  // pthread_self() of the thread, 0: free
  uint32_t graph;   // 0: one that is not known
  uint32_t depth;   // calls within one another; `graph` is the innermost's
};
static_assert(sizeof(RunningGraph) == 16);

struct NodeTable {
  uint64_t magic;
  uint32_t version;
  uint32_t hooks;  // bit set of what is watched, in the order of the runtime's list
  uint32_t nodes;  // atomic, like the next three: records that are complete
  uint32_t functions;
  uint32_t calls;
  uint32_t mapped;
  uint32_t graphs;  // numbers given out
  uint32_t lost;    // records of any kind that found no room
  uint32_t text_count;
  uint32_t reserved;
  uint64_t text_used;  // words of `texts`; position 0 is never used
  RunningGraph running[kMaxRunning];
  NodeRecord node_records[kMaxNodes];
  FunctionRecord function_records[kMaxFunctions];
  CallRecord call_records[kMaxCalls];
  MappedLine mapped_lines[kMaxMappedLines];
  uint32_t text_slots[kTextSlots];
  uint64_t texts[kTextWords];
  StackSection codes;
};
static_assert(offsetof(NodeTable, running) == 56);

}  // namespace segwhy::wire
