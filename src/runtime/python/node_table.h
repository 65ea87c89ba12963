// Writes the process's NodeTable (evidence/wire/nodes.h). Made with the first use; null-safe nowhere else: callers ask
// node_table() once and do without when there is none (not enough address space).
//
// One thread at a time: callers hold the interpreter's lock. No malloc, no exception, nothing is ever removed.
#pragma once

#include "evidence/wire/nodes.h"
#include "runtime/python/interpreter.h"
#include "runtime/trace/python_walk.h"

namespace segwhy::runtime::python {

// What code belongs to, as far as the search for the line of a node's creation cares.
enum class CodeKind : uint8_t {
  kUnknown,
  kProgram,
  kGenerated,  // from the program's code, by AutoGraph
  kLibrary,
  kApplyHelper,  // the function of TensorFlow's that the generated function of an op calls
};

// A code object as the table knows it.
struct KnownCode {
  uint32_t position = 0;  // 0: no room
  CodeKind kind = CodeKind::kUnknown;
};

class NodeTable {
 public:
  struct ObjectSlot;

  // Position of a text in the table, 0: it is empty, too long, or there is no room.
  [[nodiscard]] uint32_t text(Text text);
  [[nodiscard]] Text text_at(uint32_t position) const;

  [[nodiscard]] KnownCode code_of(const trace::PythonFrame& frame);
  // Name of the function of a code object; empty when it is not kept in one byte a character.
  [[nodiscard]] Text name_of_code(uint32_t position) const;

  // The number of a graph; it gets one when it is asked for first. A weak reference tells it from one that lived at the
  // same address before.
  [[nodiscard]] uint32_t graph_of(const Interpreter& python, Object* graph);
  // `object` stands for that graph from now on (a function of which it is the body), until it is said again.
  void assign_graph(const Object* object, uint32_t graph);
  [[nodiscard]] uint32_t assigned_graph(const Object* object);

  void add(const wire::NodeRecord& node);
  void add(const wire::FunctionRecord& function);
  void add(const wire::CallRecord& call);
  void add(const wire::MappedLine& line);

  // The calling thread runs `graph` from here to leave(), which takes what enter() returned.
  [[nodiscard]] wire::RunningGraph* enter(uint32_t graph, uint32_t& previous);
  void leave(wire::RunningGraph* slot, uint32_t previous);

  void set_hook(unsigned index);
  // Path of the standard library's folder, by which code of it is known.
  void set_library(Text folder);

 private:
  friend NodeTable* node_table();
  explicit NodeTable(wire::NodeTable* table) : table_(table) {}

  [[nodiscard]] CodeKind classify(uint32_t position) const;
  [[nodiscard]] bool is_library_file(Text file) const;
  [[nodiscard]] uint32_t origin_of_generated(Text file) const;
  [[nodiscard]] Text file_of_code(uint32_t position) const;
  [[nodiscard]] ObjectSlot* slot_of(const Object* object);
  void count_lost();
  template <typename Record, uint32_t kCapacity>
  void append(Record (&records)[kCapacity], uint32_t& count, const Record& record);

  wire::NodeTable* table_;
};

// The table of this process, made when it is asked for first; null: it cannot be made.
[[nodiscard]] NodeTable* node_table();

}  // namespace segwhy::runtime::python
