// Whether a pid that a record names is the process that wrote the record.
//
// A process in a PID namespace of its own (a sandbox, a container started by the program) knows itself by a number that
// belongs to some other process here, or to none. Watching, reading or stopping that one would be worse than knowing
// nothing.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "evidence/wire/session.h"
#include "monitor/session.h"

namespace segwhy {

// By the session memory in its address space. Where that cannot be looked at, by its age: all are
// younger than the session.
[[nodiscard]] bool maps_session(pid_t pid, const Session& session);

// For a record that has just appeared; cheaper than maps_session() for forked processes, which were born with their
// record.
[[nodiscard]] bool is_writer(const wire::ProcessRecord& record, const Session& session);

}  // namespace segwhy
