// What was protected and what was not, from the area's counters.
#pragma once

#include "evidence/model/heap.h"
#include "history/area.h"

namespace segwhy::history {

[[nodiscard]] ProtectionSummary read_protection(const Area& area, const wire::ClockPair& now);

}  // namespace segwhy::history
