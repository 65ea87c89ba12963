// Writes the process's TraceTable (evidence/wire/traces.h), which an account of its memory has; does nothing without.
//
// One thread at a time: the caller holds the interpreter's lock. No malloc, no exception; leaves no Python exception.
#pragma once

#include "runtime/python/call.h"

namespace segwhy::runtime::python {

// Of a call of func_graph_from_py_func() by which a function is traced, before it is made.
void note_trace(const Call& call);

}  // namespace segwhy::runtime::python
