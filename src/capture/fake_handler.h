// The other side of a hand-over, for tests: a signal handler that fills a CrashRecord, waits and serves requests by the
// protocol of evidence/wire/session.h, without the runtime.
#pragma once

#include "evidence/wire/session.h"

namespace segwhy::testing_support {

struct FakeHandlerOptions {
  bool serves = true;            // false: waits for its release only
  bool dies_when_asked = false;  // SIGKILL at the first request
};

// Installs the handler for SIGSEGV in the calling process, on an alternate stack for the calling thread.
void install_fake_handler(wire::Session& session, const FakeHandlerOptions& options = {});

// An alternate stack for one more thread.
void use_alternate_stack();

}  // namespace segwhy::testing_support
