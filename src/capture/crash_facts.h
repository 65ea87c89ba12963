// CrashFacts: a private, checked copy of what a CrashRecord says.
//
// The record is in memory that a broken program can write to at any time, so it is copied once and only the copy is
// looked at. Pure apart from reading the session; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "evidence/model/snapshot.h"
#include "evidence/wire/session.h"

namespace segwhy {

struct CrashFacts {
  int pid = 0, tid = 0;  // as the process itself sees them
  SignalSnapshot signal;
  Registers registers;  // at the fault, not in the handler
};

// Facts of a record that waits in the monitor's hands (kCrashTaken). When the signal follows from an earlier fault of
// the same thread, that fault's registers and signal: the origin.
Result<CrashFacts> crash_facts(const wire::Session& session, std::uint32_t crash_index);

// The other threads of process `pid` that wait in a handler of their own: their tid and registers at their fault.
struct WaitingThread {
  int tid = 0;
  Registers registers;
};
[[nodiscard]] std::vector<WaitingThread> threads_in_handlers(const wire::Session& session, int pid);

}  // namespace segwhy
