#include "monitor/front.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include "monitor/signal_state.h"

namespace segwhy {
namespace {

using Clock = std::chrono::steady_clock;

// The monitor's time to write the report once the program has ended. The analysis is bounded far below this.
constexpr auto kReportPatience = std::chrono::seconds(30);
// From this long after the program's end, an interrupt means the report and not the program.
constexpr auto kInterruptGrace = std::chrono::milliseconds(700);
// For the monitor's own exit, so that it is not left behind as a zombie.
constexpr auto kMonitorExitPatience = std::chrono::milliseconds(200);

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return left > 0 ? static_cast<int>(left) : 0;
}

int status_of(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return (info.si_status & 0xff) << 8;
  constexpr int kCoreFlag = 0x80;
  return info.si_status | (info.si_code == CLD_DUMPED ? kCoreFlag : 0);
}

// waitid with the child's resource use, which only the system call gives. Leaves an ended child unreaped.
bool peek_child(idtype_t type, pid_t pid, siginfo_t& info, rusage& usage) {
  info = {};
  return ::syscall(SYS_waitid, type, pid, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT, &usage) == 0 &&
         info.si_pid != 0;
}

void consume_child(pid_t pid) {
  siginfo_t ignored{};
  ::waitid(P_PID, static_cast<id_t>(pid), &ignored, WEXITED | WSTOPPED | WNOHANG);
}

// Stops this process as the program was stopped, for its parent (a shell) to see; returns when it is continued.
void stop_like(int signal) {
  struct sigaction old {};
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  ::sigaction(signal, &action, &old);  // fails for SIGSTOP, which needs nothing
  sigset_t only;
  ::sigemptyset(&only);
  ::sigaddset(&only, signal);
  ::kill(::getpid(), signal);
  ::sigprocmask(SIG_UNBLOCK, &only, nullptr);
  ::sigprocmask(SIG_BLOCK, &only, nullptr);
  ::sigaction(signal, &old, nullptr);
}

}  // namespace

Front::Front(pid_t program, pid_t monitor, Channel& channel, Sentinel& sentinel, FrontOptions options)
    : program_(program),
      monitor_(monitor),
      channel_(channel),
      sentinel_(sentinel),
      options_(std::move(options)),
      had_monitor_(monitor >= 0),
      monitor_gone_(monitor < 0) {
  sigset_t all;
  ::sigfillset(&all);
  signals_ = Fd(::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
}

void Front::run() {
  wait_for_program();
  if (!monitor_gone_) wait_for_report();
  finish_monitor();
  sentinel_.stop();
  // Nothing of the program's fate is worth a line when it ended well.
  if (had_monitor_ && monitor_gone_ && status_ != 0) say("segwhy: the monitor died; no report\n");
  consume_child(program_);
  if (inexact_ && options_.rerun) options_.rerun(signals_.get());
  if (options_.fail_on_error && reported_ && status_ == 0) ::_exit(1);
  end_like(status_);
}

void Front::wait_for_program() {
  while (!ended_) {
    reap_or_follow();
    if (ended_) break;
    pollfd wait{signals_.get(), POLLIN, 0};
    // Without a signalfd (no descriptor left) look at the child often instead.
    constexpr int kPollMs = 20;
    ::poll(&wait, 1, signals_ ? -1 : kPollMs);
    ::sigemptyset(&seen_by_group_);
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) on_signal(info);
  }
}

void Front::on_signal(const signalfd_siginfo& info) {
  if (info.ssi_signo == SIGCHLD && info.ssi_code > 0) return;  // the kernel's: reap_or_follow() looks
  forward(info);
}

void Front::forward(const signalfd_siginfo& info) {
  const int signal = static_cast<int>(info.ssi_signo);
  // What arrives while the sentinel is asked may be merged with what it already had, and then it has nothing when asked
  // again: the kernel merges equal signals for the program just so.
  const bool to_group = sentinel_.saw(signal);
  if (to_group) ::sigaddset(&seen_by_group_, signal);
  if (::sigismember(&seen_by_group_, signal) == 1) return;
  if (info.ssi_code == SI_QUEUE) {
    sigval value{};
    value.sival_ptr = reinterpret_cast<void*>(info.ssi_ptr);  // NOLINT: the sender's value, passed through
    ::sigqueue(program_, signal, value);
  } else {
    ::kill(program_, signal);
  }
  Message message;
  message.kind = Message::kSignalForwarded;
  message.signal = signal;
  message.sender_pid = static_cast<std::int32_t>(info.ssi_pid);
  message.sender_uid = info.ssi_uid;
  channel_.send(message);
}

// Looks at every child: as the first process of a PID namespace the front inherits orphans, which it must reap.
void Front::reap_or_follow() {
  siginfo_t info{};
  rusage usage{};
  while (peek_child(P_ALL, 0, info, usage)) {
    const bool stopped = info.si_code == CLD_STOPPED || info.si_code == CLD_TRAPPED;
    if (info.si_pid == program_ && !stopped) {
      status_ = status_of(info);
      max_rss_ = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
      ended_ = true;
      return;
    }
    if (info.si_pid == monitor_ && !stopped) monitor_ = -1;
    consume_child(info.si_pid);
    if (info.si_pid == program_) stop_like(info.si_status);
  }
}

void Front::wait_for_report() {
  Message ended;
  ended.kind = Message::kProgramEnded;
  ended.pid = program_;
  ended.status = status_;
  ended.max_rss = max_rss_;
  if (!channel_.send(ended)) {
    monitor_gone_ = true;
    return;
  }
  const auto end = Clock::now();
  std::array<pollfd, 2> wait{pollfd{channel_.fd(), POLLIN, 0}, pollfd{signals_.get(), POLLIN, 0}};
  while (Clock::now() < end + kReportPatience) {
    ::poll(wait.data(), wait.size(), milliseconds_until(end + kReportPatience));
    Message message;
    const auto received = channel_.receive(message);
    if (received == Channel::Received::kMessage && message.kind == Message::kReportDone) {
      reported_ = message.reported != 0;
      inexact_ = message.inexact != 0;
      monitor_lingers_ = message.lingering != 0;
      return;
    }
    if (received == Channel::Received::kClosed) {
      monitor_gone_ = true;
      return;
    }
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info))
      if (interrupts(info.ssi_signo) && Clock::now() > end + kInterruptGrace) return;
  }
  say("segwhy: the monitor did not finish; no report\n");
}

void Front::finish_monitor() {
  channel_.close();
  if (monitor_ < 0 || monitor_lingers_) return;
  const auto deadline = Clock::now() + kMonitorExitPatience;
  pollfd wait{signals_.get(), POLLIN, 0};
  while (::waitpid(monitor_, nullptr, WNOHANG) == 0 && Clock::now() < deadline) {
    ::poll(&wait, 1, milliseconds_until(deadline));
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) continue;
  }
}

void Front::say(const char* line) const {
  if (options_.can_print && ::write(STDERR_FILENO, line, std::strlen(line)) < 0) return;  // nowhere left to say it
}

}  // namespace segwhy
