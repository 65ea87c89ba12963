// What a handler that waits for the monitor can do for it (wire::CrashRequest). Async-signal-safe; never faults,
// whatever the request asks for.
#pragma once

#include "evidence/wire/session.h"

namespace segwhy::runtime {

void serve_request(wire::CrashRecord& record, uint32_t request);

}  // namespace segwhy::runtime
