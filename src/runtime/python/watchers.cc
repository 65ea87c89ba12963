#include "runtime/python/watchers.h"

#include <string.h>

#include "runtime/python/trace_log.h"
#include "runtime/trace/python_walk.h"

namespace segwhy::runtime::python {
namespace {

// Frames between a node's creation and the line that asked for it. Keras takes some fifty.
constexpr int kMaxFramesSearched = 512;
// Functions that one node runs at most: branches of a switch.
constexpr ssize_t kMaxCallees = 64;

// The results that the gradient function being run was given, borrowed from its caller; null: none is run.
Object* forward_results;

[[nodiscard]] char folded(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// "CrashInCompute" and "crash_in_compute": an op and the function that TensorFlow generates for it.
[[nodiscard]] bool is_wrapper_of(Text function, Text op) {
  size_t at = 0;
  for (size_t i = 0; i < function.size; ++i) {
    if (function.data[i] == '_') continue;
    while (at < op.size && op.data[at] == '_') ++at;
    if (at == op.size || folded(op.data[at++]) != folded(function.data[i])) return false;
  }
  return at == op.size;
}

// The innermost frame of the program's own code, or of code that was generated from it.
void find_creation(NodeTable& table, wire::NodeRecord& node) {
  trace::PythonWalk walk;
  trace::PythonFrame frame;
  bool below_helper = false;
  for (int i = 0; i < kMaxFramesSearched; ++i) {
    if (walk.next(frame) != trace::PythonWalk::Step::kFrame) return;
    const KnownCode code = table.code_of(frame);
    // What is not known may be the program's: then a frame further out is not the answer.
    if (code.kind == CodeKind::kUnknown) return;
    const bool is_program = code.kind == CodeKind::kProgram || code.kind == CodeKind::kGenerated;
    // The functions of a loaded op library are compiled from text that has no file.
    const bool is_wrapper = below_helper && is_wrapper_of(table.name_of_code(code.position), table.text_at(node.op));
    below_helper = code.kind == CodeKind::kApplyHelper;
    if (!is_program || is_wrapper) continue;
    node.code = code.position;
    node.instruction = frame.instruction;
    return;
  }
}

[[nodiscard]] uint32_t text_of_attribute(const Interpreter& python, NodeTable& table, Object* object,
                                         const char* attribute) {
  const Owned value(python, python.PyObject_GetAttrString(object, attribute));
  return table.text(text_of(python, value.get()));
}

// An attribute that is asked for with every node, so that its name is made only once: `name` keeps it. A new reference;
// null with an exception set.
[[nodiscard]] Object* frequent_attribute(const Interpreter& python, Object* object, const char* attribute,
                                         Object*& name) {
  if (name == nullptr) name = python.PyUnicode_InternFromString(attribute);
  return name != nullptr ? python.PyObject_GetAttr(object, name) : nullptr;
}

[[nodiscard]] uint32_t name_of_operation(const Interpreter& python, NodeTable& table, Object* operation) {
  static Object* name;
  const Owned value(python, frequent_attribute(python, operation, "name", name));
  return table.text(text_of(python, value.get()));
}

// The node whose gradient is being made: as the graph says (tf.gradients), or as the gradient function was told.
[[nodiscard]] uint32_t find_forward(const Interpreter& python, NodeTable& table, Object* graph) {
  static Object* attribute;
  const Owned original(python, frequent_attribute(python, graph, "_default_original_op", attribute));
  if (original) return name_of_operation(python, table, original.get());
  if (forward_results == nullptr) return 0;
  const Owned first(python, python.PySequence_GetItem(forward_results, 0));
  if (!first) return 0;
  const Owned operation(python, python.PyObject_GetAttrString(first.get(), "op"));
  return operation ? name_of_operation(python, table, operation.get()) : 0;
}

[[nodiscard]] bool contains(Text text, const char* part) {
  return memmem(text.data, text.size, part, strlen(part)) != nullptr;
}

// Ops of which some run functions, told by name so that not every node's attributes need be read.
[[nodiscard]] bool names_a_call(Text op) {
  constexpr const char* kParts[] = {"Call", "While", "If", "Case", "For", "Map", "Dataset", "Fn", "Gradient", "__"};
  for (const char* part : kParts) {
    if (contains(op, part)) return true;
  }
  return false;
}

// The same of the op at that position of the table, remembered for the few hundred that a program uses.
[[nodiscard]] bool may_run_functions(const NodeTable& table, uint32_t op) {
  constexpr uint32_t kRemembered = 1024;
  static struct {
    uint32_t op;
    bool answer;
  } remembered[kRemembered];
  auto& slot = remembered[op % kRemembered];
  if (slot.op != op) slot = {op, names_a_call(table.text_at(op))};
  return slot.answer;
}

// A NameAttrList's name; false when it names no function.
[[nodiscard]] bool note_callee(const Interpreter& python, NodeTable& table, const wire::NodeRecord& node,
                               Object* function) {
  const uint32_t name = function != nullptr ? text_of_attribute(python, table, function, "name") : 0;
  if (name != 0) table.add(wire::CallRecord{node.graph, node.name, name});
  return name != 0;
}

// The functions that an AttrValue names: one, or a list of them.
[[nodiscard]] bool note_callees(const Interpreter& python, NodeTable& table, const wire::NodeRecord& node,
                                Object* value) {
  const Owned one(python, python.PyObject_GetAttrString(value, "func"));
  if (note_callee(python, table, node, one.get())) return true;
  const Owned list(python, python.PyObject_GetAttrString(value, "list"));
  if (!list) return false;
  const Owned functions(python, python.PyObject_GetAttrString(list.get(), "func"));
  const ssize_t count = functions ? python.PySequence_Size(functions.get()) : 0;
  bool any = false;
  for (ssize_t i = 0; i < count && i < kMaxCallees; ++i) {
    const Owned function(python, python.PySequence_GetItem(functions.get(), i));
    any = note_callee(python, table, node, function.get()) || any;
  }
  return any;
}

void note_calls(const Interpreter& python, NodeTable& table, const wire::NodeRecord& node, Object* attributes) {
  bool any = false;
  ssize_t at = 0;
  Object *key = nullptr, *value = nullptr;
  if (attributes != nullptr && type_of(attributes) == python.PyDict_Type) {
    while (python.PyDict_Next(attributes, &at, &key, &value) != 0) {
      any = note_callees(python, table, node, value) || any;
    }
  }
  // What calls, and does not say whom: an op that is a function itself, as graphs of old have it.
  const Text op = table.text_at(node.op);
  if (!any && (contains(op, "Call") || contains(op, "__"))) table.add(wire::CallRecord{node.graph, node.name, 0});
}

[[nodiscard]] bool ends_with(Text text, const char* end) {
  const size_t size = strlen(end);
  return text.size >= size && memcmp(text.data + text.size - size, end, size) == 0;
}

// Branches, loops and gradients become graphs by the same function as a tf.function does; who called tells them apart.
[[nodiscard]] bool is_called_to_trace(NodeTable& table) {
  trace::PythonWalk walk;
  trace::PythonFrame frame;
  if (walk.next(frame) != trace::PythonWalk::Step::kFrame) return false;
  const KnownCode code = table.code_of(frame);
  if (code.position == 0) return false;
  const Text name = table.name_of_code(code.position);
  return ends_with(name, "_create_graph_function") || ends_with(name, "_create_concrete_function");
}

// The file in one of AutoGraph's places, and its line; 0: it has none.
[[nodiscard]] uint32_t file_of_location(const Interpreter& python, NodeTable& table, Object* location, uint32_t& line) {
  // LineLocation and Location are named tuples that begin with the file's name and the line.
  if (python.PyTuple_Size(location) < 2) return python.PyErr_Clear(), 0;
  const long number = python.PyLong_AsLong(python.PyTuple_GetItem(location, 1));
  if (number <= 0 || number > INT32_MAX) return python.PyErr_Clear(), 0;
  line = static_cast<uint32_t>(number);
  return table.text(text_of(python, python.PyTuple_GetItem(location, 0)));
}

void note_mapped_line(const Interpreter& python, NodeTable& table, Object* generated, Object* origin) {
  wire::MappedLine out{};
  out.generated_file = file_of_location(python, table, generated, out.generated_line);
  const Owned location(python, python.PyObject_GetAttrString(origin, "loc"));
  if (out.generated_file == 0 || !location) return;
  out.file = file_of_location(python, table, location.get(), out.line);
  out.function = text_of_attribute(python, table, origin, "function_name");
  if (out.file != 0) table.add(out);
}

Object* run_in_graph(const Call& call, NodeTable& table, uint32_t graph) {
  uint32_t previous = 0;
  wire::RunningGraph* const slot = table.enter(graph, previous);
  Object* const result = call.run();
  table.leave(slot, previous);
  return result;
}

void note_function(const Call& call, NodeTable& table, Object* graph) {
  const uint32_t number =
      graph != nullptr && graph != call.python._Py_NoneStruct ? table.graph_of(call.python, graph) : 0;
  table.assign_graph(call.self, number);
  const uint32_t name = table.text(text_of(call.python, call.argument(0, "name")));
  if (number != 0 && name != 0) table.add(wire::FunctionRecord{name, number});
}

}  // namespace

Object* watch_node_creation(const Call& call, NodeTable& table) {
  Object* const result = call.run();
  if (result == nullptr) return nullptr;
  const Interpreter& python = call.python;
  wire::NodeRecord node{};
  node.op = table.text(text_of(python, call.argument(0, "op_type")));
  node.name = name_of_operation(python, table, result);
  if (node.op == 0 || node.name == 0) return result;
  node.graph = table.graph_of(call.python, call.self);
  node.forward = find_forward(python, table, call.self);
  find_creation(table, node);
  table.add(node);
  if (may_run_functions(table, node.op)) note_calls(python, table, node, call.argument(5, "attrs"));
  return result;
}

Object* watch_node_adoption(const Call& call, NodeTable& table) {
  Object* const result = call.run();
  if (result == nullptr) return nullptr;
  wire::NodeRecord node{};
  node.name = name_of_operation(call.python, table, result);
  node.op = text_of_attribute(call.python, table, result, "type");
  if (node.op == 0 || node.name == 0) return result;
  node.graph = table.graph_of(call.python, call.self);
  table.add(node);
  if (may_run_functions(table, node.op)) table.add(wire::CallRecord{node.graph, node.name, 0});
  return result;
}

Object* watch_eager_function(const Call& call, NodeTable& table) {
  note_function(call, table, call.argument(1, "graph"));
  return call.run();
}

Object* watch_atomic_function(const Call& call, NodeTable& table) {
  note_function(call, table, call.argument(5, "cached_graph"));
  return call.run();
}

Object* watch_function_call(const Call& call, NodeTable& table) {
  return run_in_graph(call, table, table.assigned_graph(call.self));
}

Object* watch_session_run(const Call& call, NodeTable& table) {
  const Owned graph(call.python, call.python.PyObject_GetAttrString(call.self, "_graph"));
  return run_in_graph(call, table, graph ? table.graph_of(call.python, graph.get()) : 0);
}

Object* watch_source_map(const Call& call, NodeTable& table) {
  Object* const result = call.run();
  if (result == nullptr || type_of(result) != call.python.PyDict_Type) return result;
  ssize_t at = 0;
  Object *generated = nullptr, *origin = nullptr;
  while (call.python.PyDict_Next(result, &at, &generated, &origin) != 0) {
    note_mapped_line(call.python, table, generated, origin);
  }
  return result;
}

Object* watch_tracing(const Call& call, NodeTable& table) {
  if (is_called_to_trace(table)) note_trace(call);
  return call.run();
}

Object* watch_gradient(const Call& call, NodeTable&) {
  Object* const outer = forward_results;
  forward_results = call.argument(4, "outputs");
  Object* const result = call.run();
  forward_results = outer;
  return result;
}

}  // namespace segwhy::runtime::python
