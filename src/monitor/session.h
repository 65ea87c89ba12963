// The monitor's side of the shared session memory (evidence/wire/session.h): creation, the monitor's lock, and access
// that does not trust the contents.
//
// Owned by the monitor process; the memfd is inherited by the program. The target can write anything into the mapping
// at any time: copy a field before checking it, and go through the accessors for everything that is an index or a
// length.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "evidence/wire/recorder.h"
#include "evidence/wire/session.h"
#include "monitor/protection.h"

namespace segwhy {

class Session {
 public:
  // A new, empty session in a sealed memfd (a program that truncates it cannot make the monitor fault).
  // With the flight recorder's areas where the limits allow a file of that (virtual) size.
  static Result<Session> create(const Protection& protection = {});

  Session(Session&& other) noexcept;
  Session& operator=(Session&&) = delete;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  // Makes the calling thread the session's monitor: handlers of crashed processes wait only while this thread lives.
  // Call in the monitor process, once, on a thread that lives as long as the process.
  Status attach_monitor();

  // Whether any other process has the session mapped, known to its records or not: the kernel's own count, which a
  // child that was forked a moment ago is part of. Once the answer is no, nobody can join any more.
  [[nodiscard]] bool used_by_others() const;

  [[nodiscard]] wire::Session& memory() const { return *memory_; }
  [[nodiscard]] int fd() const { return fd_.get(); }
  // Of the memfd, as /proc/PID/maps shows it.
  [[nodiscard]] std::uint64_t inode() const { return inode_; }
  // CLOCK_MONOTONIC.
  [[nodiscard]] std::uint64_t created_ns() const { return created_ns_; }

 private:
  Session(Fd fd, wire::Session* memory, std::uint64_t inode) : fd_(std::move(fd)), memory_(memory), inode_(inode) {}

  Fd fd_;
  wire::Session* memory_ = nullptr;
  std::uint64_t inode_ = 0;
  std::uint64_t created_ns_ = monotonic_ns();
};

// Atomic access to a word that both sides use.
[[nodiscard]] inline std::uint32_t load_word(const std::uint32_t& word) {
  return __atomic_load_n(&word, __ATOMIC_ACQUIRE);
}
inline void store_word(std::uint32_t& word, std::uint32_t value) {
  __atomic_store_n(&word, value, __ATOMIC_RELEASE);
}
inline bool replace_word(std::uint32_t& word, std::uint32_t expected, std::uint32_t desired) {
  return __atomic_compare_exchange_n(&word, &expected, desired, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

// Wakes all waiters on a futex word in shared memory.
void wake_word(std::uint32_t& word);

// The last text a process wrote to descriptor 2, oldest first.
struct StderrTail {
  std::string text;       // bytes as written
  bool complete = false;  // nothing older was lost
};

// Of the ring a ProcessRecord names (`ring` as stored there: index + 1). Empty when the record names none.
[[nodiscard]] StderrTail read_stderr_ring(const wire::Session& session, std::uint32_t ring, std::uint32_t owner_pid);

// The abort text of a crash record, bounded and cut at a NUL.
[[nodiscard]] std::string read_abort_text(const wire::CrashRecord& crash);

}  // namespace segwhy
