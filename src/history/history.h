// Whose memory it was: reads the flight recorder of a process that died, or found something wrong, into a Case.
//
// Pure but for reading the recorder's file and source files; never fails as a whole: what makes no sense is left out.
#pragma once

#include <cstdint>
#include <optional>

#include "base/memory_reader.h"
#include "evidence/model/case.h"
#include "evidence/wire/recorder.h"
#include "history/events.h"

namespace segwhy::history {

// Which process, and when.
struct Query {
  MemoryReader* file = nullptr;  // the session's memfd, addressed by offset
  std::uint32_t record = 0;      // index of its ProcessRecord
  std::uint32_t generation = 0;  // of that record
  wire::ClockPair now{};         // the present, in both clocks
  // Entry of the AccessTable that the process waits with; nullopt: it does not.
  std::optional<std::uint32_t> access_finding;
};

// Whether the runtime found anything wrong in the process.
[[nodiscard]] bool has_findings(const Query& query);

// Fills `block`, `findings`, `accesses` and `protection`. Reads `fault`, `death` and `framework` of the Case. Does
// nothing for a process without a recorder.
void add_history(const Query& query, const Naming& naming, Case& into);

}  // namespace segwhy::history
