// Which framework was at work on the crashing thread, and on what: op, node, inputs.
//
// A framework is reported only with evidence that it took part: its code or its Python functions on the crashing
// thread's stack. That it is loaded is not enough. Everything read is validated and bounded in number; garbage in the
// target costs the answer, never the monitor. Nothing throws; no state is kept; the snapshot's reader decides about
// thread safety.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "evidence/model/case.h"
#include "evidence/model/snapshot.h"

namespace segwhy {

struct FrameworkReading {
  std::optional<Framework> framework;
  // Whose call runs the op: when the crashing thread has no Python frames of its own, the Python thread it works for
  // and how that is known. For Thread::works_for_tid and works_for_reason of the crashed thread.
  std::optional<int> works_for_tid;
  std::string works_for_reason;
};

// `threads`: already symbolised, with Python frames, the crashed one first; `modules`: from symbols/. No framework when
// no known one took part or nothing about it can be shown.
[[nodiscard]] FrameworkReading read_framework(const Snapshot& snapshot, const std::vector<Thread>& threads,
                                              const std::vector<Module>& modules);

// Python frames of code that a framework generated from the program's become those of the program's own lines. To be
// called before the reading, which expects such frames; their source text is left empty.
void restore_written_frames(const Snapshot& snapshot, std::vector<Thread>& threads);

}  // namespace segwhy
