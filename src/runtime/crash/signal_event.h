// One delivery of a signal to this thread, as the handler received it.
#pragma once

#include <signal.h>
#include <ucontext.h>

#include "runtime/crash/dispositions.h"

namespace segwhy::runtime {

struct SignalEvent {
  int signal;
  siginfo_t& info;
  ucontext_t& context;
  Action action;                 // the application's
  SignalMask blocked;            // synchronous signals that the application blocks here
  bool has_application_handler;  // one that is going to be called
  bool translated;               // from another signal: the instruction, run again, would raise that one
  uint32_t access_finding;       // as in wire::CrashRecord: an incident that the program survives

  // Raised by the instruction itself, not sent with kill, raise or sigqueue.
  [[nodiscard]] bool is_fault() const { return info.si_code > 0 && in_mask(kSynchronousMask, signal); }
};

}  // namespace segwhy::runtime
