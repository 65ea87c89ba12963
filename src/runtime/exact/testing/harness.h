// Exact mode in the test's own process: handlers on alternate stacks, findings collected.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/exact/exact.h"

namespace segwhy::runtime::exact::testing {

// Starts exact mode once per process, and the handler; every thread that touches watched blocks needs an
// AlternateStack. Returns the table that everything is published to.
wire::AccessTable& start_exact();

// Gives the calling thread an alternate signal stack while it lives.
class AlternateStack {
 public:
  AlternateStack();
  AlternateStack(const AlternateStack&) = delete;
  AlternateStack& operator=(const AlternateStack&) = delete;
  ~AlternateStack();

 private:
  void* base_;
};

// The findings since the last call.
std::vector<wire::AccessFinding> take_findings();

// The published record of the block at `pointer`.
const wire::WatchedBlock& record_of(const void* pointer);

// Accesses that were carried out so far, and blocks that had to be opened.
std::uint64_t accesses_carried_out();
std::uint64_t unsupported();

}  // namespace segwhy::runtime::exact::testing
