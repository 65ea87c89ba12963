// Front: the process the user started. It is the program's parent, shares its process group and terminal, and stands
// for it: signals sent to it reach the program, it stops when the program stops, and it ends exactly as the program
// ended.
//
// It does nothing else, so that it cannot fail: everything that reads memory or text is in the monitor, another
// process.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <functional>

#include "monitor/channel.h"
#include "monitor/sentinel.h"

struct signalfd_siginfo;  // sys/signalfd.h

namespace segwhy {

struct FrontOptions {
  bool fail_on_error = false;  // exit status 1 instead of 0 when an incident was reported
  bool can_print = true;       // descriptor 2 is the user's
  // What follows a report that an exact run may make more precise; given the front's signalfd.
  std::function<void(int)> rerun;
};

class Front {
 public:
  // `program`: the started child. `monitor`: its process id, -1 when there is none. All signals are blocked in the
  // caller.
  Front(pid_t program, pid_t monitor, Channel& channel, Sentinel& sentinel, FrontOptions options);

  // Waits for the end of the program and of the report, then ends this process as the program ended.
  [[noreturn]] void run();

 private:
  void wait_for_program();
  void on_signal(const signalfd_siginfo& info);
  void forward(const signalfd_siginfo& info);
  void reap_or_follow();
  void wait_for_report();
  void finish_monitor();
  void say(const char* line) const;

  pid_t program_;
  pid_t monitor_;
  Channel& channel_;
  Sentinel& sentinel_;
  FrontOptions options_;
  Fd signals_;
  sigset_t seen_by_group_{};  // of the signals taken from signals_ in one go: those that were sent to the whole group
  bool had_monitor_;          // one that could not be started was a line of its own
  bool monitor_gone_ = false;
  bool ended_ = false;
  bool reported_ = false;
  bool inexact_ = false;
  bool monitor_lingers_ = false;
  int status_ = 0;
  std::uint64_t max_rss_ = 0;
};

}  // namespace segwhy
