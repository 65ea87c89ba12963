// Python's threads joined to the native ones.
#pragma once

#include <vector>

#include "evidence/model/case.h"
#include "pystate/python_state.h"

namespace segwhy {

// Gives each of `threads` the Python frames and the interpreter's facts of the same thread in `state`, whose frames are
// moved from.
void add_python_threads(PythonState& state, std::vector<Thread>& threads);

}  // namespace segwhy
