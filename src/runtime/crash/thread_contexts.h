// The registers of all other threads, stored by the threads themselves: for when the monitor may not trace them.
//
// Each is sent a high real-time signal whose action is the default one, with a handler of the runtime's for the time
// being. A system call that cannot be restarted ends with EINTR in the threads asked, so this is for dying programs.
// Async-signal-safe. One collection at a time; a second one at the same time gets none.
#pragma once

#include "evidence/wire/session.h"

namespace segwhy::runtime {

// Fills record.threads and record.thread_context_count. Threads that did not answer in time (they block the signal)
// have a tid but state 0.
void collect_thread_contexts(wire::CrashRecord& record);

}  // namespace segwhy::runtime
