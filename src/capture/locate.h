// Which process of ours is the one that wrote a session record?
//
// A record names a process by the number the process itself sees. In a container's pid namespace that number is
// somebody else here, and a number may have been given to a new process since: stopping or reading the wrong process
// would be worse than no capture. So a candidate must have the session's shared memory mapped.
#pragma once

#include <optional>

#include "evidence/wire/session.h"

namespace segwhy {

struct LocatedProcess {
  int pid = 0;           // as we see it
  bool foreign = false;  // in another pid namespace: its thread ids differ from ours
};

struct Location {
  std::optional<LocatedProcess> process;
  bool gone = false;  // it is not there; neither: it cannot be told (no /proc, or a candidate hides its mappings)
};
[[nodiscard]] Location locate_process(const wire::Session& session, int pid_in_record);

// The id of a thread as its own process sees it.
[[nodiscard]] int own_tid(const LocatedProcess& process, int tid);

}  // namespace segwhy
