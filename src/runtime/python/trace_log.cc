#include "runtime/python/trace_log.h"

#include "evidence/wire/traces.h"
#include "runtime/heap/recorder.h"
#include "runtime/pal/atomic.h"
#include "runtime/pal/ticks.h"
#include "runtime/python/signature.h"
#include "runtime/trace/stacks.h"

namespace segwhy::runtime::python {
namespace {

// Decorators around decorators: up to 2.8, every trace adds one to the function (tf_decorator.rewrap).
constexpr int kMostWrappers = 1 << 14;

// Weak, to the function object that was traced last, by the function's index. In a forked child they are its parent's
// until it has traced the function itself.
Object* traced_last[wire::kMaxTracedFunctions];

// The function that the program wrote: TensorFlow passes on a function of its own that names it as what it wraps.
// Null: it is no function of Python's.
[[nodiscard]] Object* written_function(const Interpreter& python, Object* function) {
  Object* current = function;
  for (int i = 0; i < kMostWrappers; ++i) {
    const bool is_method = type_of(current) == python.PyMethod_Type;
    if (!is_method && type_of(current) != python.PyFunction_Type) return nullptr;
    const Owned inner(python, python.PyObject_GetAttrString(current, is_method ? "__func__" : "__wrapped__"));
    if (!inner) return current;
    // Borrowed from here on: `current` holds it, and is itself held by `function`.
    if (type_of(inner.get()) != python.PyMethod_Type && type_of(inner.get()) != python.PyFunction_Type) return current;
    current = inner.get();
  }
  return nullptr;
}

[[nodiscard]] uint32_t index_of(wire::TraceTable& table, uint32_t code) {
  const uint32_t count = pal::load(table.functions);
  for (uint32_t i = 0; i < count && i < wire::kMaxTracedFunctions; ++i) {
    if (table.function_records[i].code == code) return i;
  }
  if (count >= wire::kMaxTracedFunctions) return wire::kMaxTracedFunctions;
  table.function_records[count] = {code, 0};
  pal::store(table.functions, count + 1);
  return count;
}

// Is `function` another object than at the last time. It is remembered.
[[nodiscard]] bool is_other(const Interpreter& python, uint32_t index, Object* function) {
  Object*& last = traced_last[index];
  if (last != nullptr && python.PyWeakref_GetObject(last) == function) return false;
  if (last != nullptr) python.Py_DecRef(last);
  last = python.PyWeakref_NewRef(function, nullptr);
  if (last == nullptr) python.PyErr_Clear();
  return true;
}

void fill(const Call& call, wire::TraceRecord& record) {
  SignatureWriter signature(call.python, record.signature);
  signature.add_positional(call.argument(2, "args"), call.argument(INT32_MAX, "arg_names"));
  signature.add_named(call.argument(3, "kwargs"));
  record.signature_bytes = signature.size();
  if (signature.is_cut()) record.flags |= wire::kTraceSignatureCut;
}

}  // namespace

void note_trace(const Call& call) {
  auto* const table = recorder::section<wire::TraceTable>(wire::kSectionTraces);
  Object* const function = call.argument(1, "python_func");
  if (table == nullptr || function == nullptr) return;
  const Interpreter& python = call.python;
  Object* const written = written_function(python, function);
  const Owned code(python, written != nullptr ? python.PyObject_GetAttrString(written, "__code__") : nullptr);
  const uint32_t position = code ? trace::intern_code(code.get()) : 0;
  const uint32_t index = position != 0 ? index_of(*table, position) : wire::kMaxTracedFunctions;
  if (index == wire::kMaxTracedFunctions) {
    pal::fetch_add(table->lost, 1);
    return;
  }
  pal::fetch_add(table->function_records[index].traces, 1u);
  const uint64_t room =
      (recorder::area()->sections[wire::kSectionTraces].size - sizeof *table) / sizeof(wire::TraceRecord);
  const uint32_t at = pal::load(table->traces);
  if (at >= room) {
    pal::fetch_add(table->lost, 1);
    return;
  }
  wire::TraceRecord& record = reinterpret_cast<wire::TraceRecord*>(table + 1)[at];
  record.function = index;
  record.ticks = pal::ticks();
  record.flags = is_other(python, index, function) ? wire::kTraceOtherObject : 0;
  record.stack = trace::intern_python_stack();
  fill(call, record);
  pal::store(table->traces, at + 1);
}

}  // namespace segwhy::runtime::python
