// What is noted of each watched function of TensorFlow. A watcher calls the original exactly once, returns what it
// returned, and never raises: an exception of its own making is cleared. The caller holds the interpreter's lock.
#pragma once

#include "runtime/python/call.h"
#include "runtime/python/node_table.h"

namespace segwhy::runtime::python {

using Watcher = Object* (*)(const Call& call, NodeTable& table);

Object* watch_node_creation(const Call& call, NodeTable& table);    // Graph._create_op_internal
Object* watch_node_adoption(const Call& call, NodeTable& table);    // Graph._create_op_from_tf_operation
Object* watch_eager_function(const Call& call, NodeTable& table);   // _EagerDefinedFunction.__init__
Object* watch_atomic_function(const Call& call, NodeTable& table);  // AtomicFunction.__init__
Object* watch_function_call(const Call& call, NodeTable& table);    // the call of either
Object* watch_session_run(const Call& call, NodeTable& table);      // BaseSession._call_tf_sessionrun
Object* watch_source_map(const Call& call, NodeTable& table);       // origin_info.create_source_map
Object* watch_tracing(const Call& call, NodeTable& table);          // func_graph_from_py_func
Object* watch_gradient(const Call& call, NodeTable& table);         // backprop._gradient_function

}  // namespace segwhy::runtime::python
