// From recorded stacks to the BlockEvents of a Case: names for native frames, lines and source text for Python's.
//
// Two steps, because symbolising is done in one batch: ask for every event first, then resolve() fills them all.
// Borrows all it is given. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evidence/model/heap.h"
#include "evidence/model/snapshot.h"
#include "history/area.h"
#include "history/stacks.h"
#include "pystate/source_files.h"
#include "symbols/symbolizer.h"

namespace segwhy::history {

// What names are taken from. Without a snapshot (the process is gone) native frames stay out, for nobody knows any more
// what was mapped where.
struct Naming {
  const Snapshot* snapshot = nullptr;
  Symbolizer* symbolizer = nullptr;
  std::vector<std::string> directories;  // in which relative names of source files are looked for
};

class EventBuilder {
 public:
  EventBuilder(StackReader& stacks, const Area& area, const wire::ClockPair& now, const Naming& naming);

  struct Recorded {
    std::uint32_t stack = 0, tid = 0;
    std::uint64_t ticks = 0;
    std::uint64_t pc = 0;  // of an access, where its stack is not known
  };

  // Fills `into` now but for the names of its native frames; `into` must stay in place until resolve().
  void fill(const Recorded& recorded, BlockEvent& into);

  // Names the native frames of all events filled so far.
  void resolve();

 private:
  struct Pending {
    BlockEvent* event;
    std::vector<CodeAddress> addresses;
  };
  PythonFrame describe(const RecordedPythonFrame& recorded);

  StackReader& stacks_;
  const wire::AreaHeader& header_;
  wire::ClockPair now_;
  const Naming& naming_;
  std::string root_;
  std::vector<std::string> stdlib_;
  pystate::SourceFiles sources_;
  std::vector<Pending> pending_;
};

}  // namespace segwhy::history
