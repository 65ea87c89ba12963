// Doorbell: turns rings of the session's futex word into a descriptor that poll() can wait for.
//
// A thread of its own waits on the futex; where none can be had (RLIMIT_NPROC) the caller must look at the records by
// itself every poll_interval_ms().
#pragma once

#include <cstdint>

#include "base/fd.h"

namespace segwhy {

class Doorbell {
 public:
  // `word` must stay mapped as long as the process lives: the thread is never joined, it ends with the process.
  explicit Doorbell(std::uint32_t& word);

  [[nodiscard]] int fd() const { return event_.get(); }
  // -1: fd() is enough.
  [[nodiscard]] int poll_interval_ms() const { return threaded_ ? -1 : 10; }
  // Makes fd() quiet until the next ring.
  void clear() const;

 private:
  Fd event_;
  bool threaded_ = false;
};

}  // namespace segwhy
