#include "assemble/python_stacks.h"

#include <algorithm>
#include <utility>

namespace segwhy {

void add_python_threads(PythonState& state, std::vector<Thread>& threads) {
  for (PythonThread& python : state.threads) {
    const auto thread =
        std::find_if(threads.begin(), threads.end(), [&](const Thread& t) { return t.tid == python.tid; });
    if (thread == threads.end()) continue;
    thread->has_python_state = true;
    thread->holds_gil = python.holds_gil;
    if (python.depth > python.frames.size()) thread->python_depth = python.depth;
    // A thread can have states in several interpreters: the one with frames is the one at work.
    if (thread->python.empty()) thread->python = std::move(python.frames);
  }
}

}  // namespace segwhy
