#include "monitor/sentinel.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>

#include "monitor/descriptors.h"

namespace segwhy {
namespace {

// A sender that signals process by process (a batch system, systemd) may reach the front first: give it this long.
constexpr timespec kGrace{0, 3'000'000};
// More than the grace by far; the sentinel does not answer when SIGSTOP took it.
constexpr int kAnswerMs = 1000;

[[noreturn]] void answer_until_closed(int socket) {
  std::uint8_t number = 0;
  while (::recv(socket, &number, sizeof number, 0) == 1) {
    sigset_t wanted;
    ::sigemptyset(&wanted);
    ::sigaddset(&wanted, number);
    const std::uint8_t seen = ::sigtimedwait(&wanted, nullptr, &kGrace) == number ? 1 : 0;
    if (::send(socket, &seen, sizeof seen, MSG_NOSIGNAL) != 1) break;
  }
  ::_exit(0);
}

}  // namespace

Sentinel Sentinel::start() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return {Fd(), -1};
  Fd ours(ends[0]);
  Fd theirs(ends[1]);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::prctl(PR_SET_NAME, "segwhy-sentinel");
    for (const int fd : {0, 1, 2}) redirect_to_null(fd);
    close_all_except({theirs.get()});
    answer_until_closed(theirs.get());
  }
  if (pid < 0) ours.reset();
  return {std::move(ours), pid};
}

bool Sentinel::saw(int signal) const {
  const auto number = static_cast<std::uint8_t>(signal);
  std::uint8_t late = 0;  // an answer that came after its question was given up
  while (socket_ && ::recv(socket_.get(), &late, sizeof late, MSG_DONTWAIT) == 1) continue;
  if (!socket_ || ::send(socket_.get(), &number, sizeof number, MSG_NOSIGNAL | MSG_DONTWAIT) != 1) return false;
  pollfd wait{socket_.get(), POLLIN, 0};
  std::uint8_t seen = 0;
  if (::poll(&wait, 1, kAnswerMs) != 1 || ::recv(socket_.get(), &seen, sizeof seen, MSG_DONTWAIT) != 1) return false;
  return seen == 1;
}

void Sentinel::stop() {
  socket_.reset();
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);  // it may be stopped
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

}  // namespace segwhy
