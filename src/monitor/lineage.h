// Where a process came from, by its record.
#pragma once

#include "evidence/model/case.h"
#include "evidence/wire/session.h"
#include "monitor/process_table.h"

namespace segwhy {

[[nodiscard]] Fork fork_of(const wire::ProcessRecord& record, ProcessTable& processes);

}  // namespace segwhy
