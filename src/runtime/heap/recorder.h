// This process's area of the flight recorder (evidence/wire/recorder.h): mapped at load and again in a forked child.
//
// Owned here; the sections belong to who writes them. Without a session, with protection off or where memory is too
// tight there is no area, area() is null and everything that would write to it must do without.
// area() and section() are async-signal-safe and thread-safe; begin functions run on the only thread there is.
#pragma once

#include "evidence/wire/recorder.h"

namespace segwhy::runtime::recorder {

// Maps the area that belongs to process_record(), empty. `fd` is the session's memfd, which stays the caller's.
void begin(long fd);

// In a forked child that has its own ProcessRecord: a new area at the same address, linked to the parent's.
void begin_after_fork();

// Null: there is none.
[[nodiscard]] wire::AreaHeader* area();

// The bytes of a section; null where there is no area or no such section. Its size is in area()->sections.
[[nodiscard]] void* section_bytes(wire::AreaSection section);

template <typename Table>
[[nodiscard]] Table* section(wire::AreaSection which) {
  return static_cast<Table*>(section_bytes(which));
}

// Notes the present moment in both clocks.
void refresh_clock();

}  // namespace segwhy::runtime::recorder
