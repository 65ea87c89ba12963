// Arrays of pointers that a system call follows (iovec, msghdr), made to lead to the open view.
//
// A filter cannot look into them, so the libc functions that take them are wrapped (abi/vectors.cc); where the array
// itself lies in watched memory the call is trapped like any other. Async-signal-safe, errno is never touched.
#pragma once

#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace segwhy::runtime::exact {

// Few enough for the small stack that a handler may run on.
inline constexpr size_t kMostVectors = 64;

// `vectors` as the kernel is to see it: a copy where a watched buffer is among the first kMostVectors, cut after those
// (a transfer may be short); else the original, also where it cannot be read: the kernel then says why.
class OpenedVectors {
 public:
  OpenedVectors(const iovec* vectors, size_t count);

  [[nodiscard]] const iovec* data() const { return data_; }
  [[nodiscard]] size_t count() const { return count_; }

 private:
  const iovec* data_;
  size_t count_;
  iovec copies_[kMostVectors];
};

// The same for a message.
class OpenedMessage {
 public:
  explicit OpenedMessage(const msghdr* message);
  OpenedMessage(const OpenedMessage&) = delete;
  OpenedMessage& operator=(const OpenedMessage&) = delete;

  [[nodiscard]] const msghdr* data() const { return data_; }
  [[nodiscard]] msghdr* data() { return data_; }

  // After the call: what the kernel changes in a message goes back to the program's.
  void return_results(msghdr* original) const;

 private:
  msghdr* data_;
  msghdr copy_;
  OpenedVectors vectors_;
};

}  // namespace segwhy::runtime::exact
