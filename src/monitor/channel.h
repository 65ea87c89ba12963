// The messages between the front and the monitor, over a SOCK_SEQPACKET pair: one fixed-size struct per message, so
// that neither side parses or waits for a rest. The end of the stream means that the other side died.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "base/fd.h"
#include "base/result.h"

namespace segwhy {

struct Message {
  enum Kind : std::uint32_t {
    kMonitorReady = 1,     // monitor: the session is in force, the program may start
    kProgramStarted = 2,   // front: `pid`
    kSignalForwarded = 3,  // front: `signal` from `sender_pid` was passed on to the program
    kProgramEnded = 4,     // front: `status` as of waitpid, not reaped yet; `max_rss` bytes
    kReportDone = 5,       // monitor: everything is written; `reported` says whether the user was told of an incident
    kCancelled = 6,        // front: the program could not be started; nothing to report
  };
  std::uint32_t kind = 0;
  std::int32_t pid = 0;
  std::int32_t status = 0;
  std::int32_t signal = 0;
  std::int32_t sender_pid = 0;
  std::uint32_t sender_uid = 0;
  std::uint64_t max_rss = 0;
  std::uint32_t reported = 0;   // bool
  std::uint32_t inexact = 0;    // bool, kReportDone: checking every access may tell more (policy.h)
  std::uint32_t lingering = 0;  // bool, kReportDone: the monitor stays for processes that outlive the program
};

class Channel {
 public:
  explicit Channel(Fd socket) : socket_(std::move(socket)) {}
  // The two ends; both close on exec.
  static Result<std::pair<Channel, Channel>> make_pair();

  [[nodiscard]] int fd() const { return socket_.get(); }
  // False when the other side is gone.
  bool send(const Message& message) const;
  enum class Received { kMessage, kNothing, kClosed };
  // Does not wait.
  Received receive(Message& message) const;
  // Waits up to `timeout_ms`.
  Received receive_within(Message& message, int timeout_ms) const;
  void close() { socket_.reset(); }

 private:
  Fd socket_;
};

}  // namespace segwhy
