// Sentinel: tells whether a signal that reached the front was sent to the whole process group or to the front alone.
//
// A signal to the group (Ctrl-C, kill -PGID, timeout, a batch system) reaches the program by itself; one to the front
// alone must be forwarded; forwarding the former would deliver it twice, and many programs take a second SIGTERM for
// "now". Neither si_code nor si_pid tells the two apart. The sentinel is a member of the group that blocks all signals:
// what is pending for it was sent to more than the front. It owns nothing, and dies with the front where stop() was not
// called.
#pragma once

#include <sys/types.h>

#include "base/fd.h"

namespace segwhy {

class Sentinel {
 public:
  // Forks. With all signals blocked in the caller. When no process can be made the sentinel answers by what the front
  // knows: nothing was seen.
  static Sentinel start();

  // Whether the group got `signal` too; consumes it. Bounded: a sentinel that does not answer has seen nothing.
  [[nodiscard]] bool saw(int signal) const;
  // Ends and reaps it.
  void stop();
  // Of the socket to it; -1 when there is none.
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  Sentinel(Fd socket, pid_t pid) : socket_(std::move(socket)), pid_(pid) {}
  Fd socket_;
  pid_t pid_ = -1;
};

}  // namespace segwhy
