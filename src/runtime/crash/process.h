// This process's place in the session: the mapped memory, its ProcessRecord, who it is.
//
// Set up once at load (join_session) and again in a forked child (join_after_fork). All of it is async-signal-safe
// and thread-safe. Without a session everything here is inert.
#pragma once

#include "evidence/wire/session.h"

namespace segwhy::runtime {

// Finds and maps the session that `environment` (of main) names, and claims a ProcessRecord. False: the runtime stays
// inert. SEGWHY_SESSION_FD is removed from `environment`: its number means nothing to programs started from here.
// `with_descriptor` is called once the record is claimed, with the session's descriptor, which is closed afterwards.
[[nodiscard]] bool join_session(char** environment, void (*with_descriptor)(long fd));

// In a forked child: a record of its own.
void join_after_fork();

// Tells the monitor that the handlers are in place and the record is complete.
void announce_process();

// Null without a session.
[[nodiscard]] wire::Session* session();

// The record of this process; null without a session, or when the table was full.
[[nodiscard]] wire::ProcessRecord* process_record();

// The pid that joined. Differs from the system's answer in a child of vfork or of a raw fork.
[[nodiscard]] uint32_t joined_pid();

// True when `pid` is a process of this session.
[[nodiscard]] bool in_session(uint32_t pid);

// Makes sure that the monitor knows `pid`, a child that came about without fork's handlers.
void note_unannounced_child(uint32_t pid);

// Wakes the monitor to look at the records.
void ring_doorbell();

// False once the monitor is gone: the kernel marks its robust mutex.
[[nodiscard]] bool monitor_alive();

}  // namespace segwhy::runtime
