// What exact mode published about a process of a FakeMonitor's session, as the monitor reads it.
#pragma once

#include <memory>

#include "evidence/wire/accesses.h"
#include "runtime/testing/fake_monitor.h"

namespace segwhy::runtime::testing {

// Null when there is none.
[[nodiscard]] std::unique_ptr<wire::AccessTable> read_access_table(const FakeMonitor& monitor,
                                                                   const wire::ProcessRecord& process);

}  // namespace segwhy::runtime::testing
