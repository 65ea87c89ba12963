// Watches TensorFlow's Python code build graphs and run them, and notes in the NodeTable what a report needs later.
//
// Some functions of TensorFlow's own are replaced, in the classes that hold them, by callables made of C: they call the
// original with the very same arguments and look at the result. So no Python frame is added (tracebacks, AutoGraph and
// stack levels of warnings are what they were), no module is imported, nothing appears in sys.modules, sys.path or the
// environment. What a version does not have is not watched.
#pragma once

#include "runtime/python/interpreter.h"
#include "runtime/python/node_table.h"

namespace segwhy::runtime::python {

// Watches what is there and not yet watched; true once nothing is left to be done. The caller holds the interpreter's
// lock and has no exception set.
[[nodiscard]] bool install_hooks(const Interpreter& python, NodeTable& table);

}  // namespace segwhy::runtime::python
