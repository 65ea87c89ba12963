// Starting the monitor: a child of the front that takes leave of the user's terminal, process group and descriptors.
#pragma once

#include <sys/types.h>

#include "base/result.h"
#include "monitor/channel.h"
#include "monitor/delivery.h"
#include "monitor/incident.h"
#include "monitor/session.h"

namespace segwhy {

struct MonitorProcess {
  pid_t pid = -1;
  Channel channel;  // the front's end
};

// Forks the monitor of `session` and waits until it holds the session. Call with all signals blocked, before any thread
// exists.
Result<MonitorProcess> start_monitor(Session& session, RunFacts facts, DeliveryOptions delivery);

}  // namespace segwhy
