#include "monitor/channel.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

namespace segwhy {

Result<std::pair<Channel, Channel>> Channel::make_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return fail_errno("create a socket pair", errno);
  return std::pair(Channel(Fd(ends[0])), Channel(Fd(ends[1])));
}

bool Channel::send(const Message& message) const {
  ssize_t sent = 0;
  do {
    sent = ::send(socket_.get(), &message, sizeof message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(sizeof message);
}

Channel::Received Channel::receive(Message& message) const {
  ssize_t got = 0;
  do {
    got = ::recv(socket_.get(), &message, sizeof message, MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof message)) return Received::kMessage;
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Received::kNothing;
  return Received::kClosed;
}

Channel::Received Channel::receive_within(Message& message, int timeout_ms) const {
  pollfd wait{socket_.get(), POLLIN, 0};
  if (::poll(&wait, 1, timeout_ms) <= 0) return Received::kNothing;
  return receive(message);
}

}  // namespace segwhy
