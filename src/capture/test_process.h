// A child process for tests: runs a function, is killed and reaped when the test is done with it.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <new>
#include <string>
#include <thread>

#include "capture/procfs.h"

namespace segwhy::testing_support {

// A T in memory that forked children share. All zero at first.
template <class T>
class Shared {
 public:
  Shared()
      : value_(static_cast<T*>(::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
    if (value_ == MAP_FAILED) throw std::bad_alloc();
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() { ::munmap(value_, sizeof(T)); }
  T* operator->() const { return value_; }
  T& operator*() const { return *value_; }

 private:
  T* value_;
};

// Waits until `done`; ctest's time limit ends a test for which it never is.
inline void wait_until(const std::function<bool()>& done) {
  while (!done()) std::this_thread::yield();
}

class ChildProcess {
 public:
  // `body` runs in the child; its result is the exit code.
  explicit ChildProcess(const std::function<int()>& body) : pid_(::fork()) {
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that is killed leaves nobody behind
    ::_exit(body());
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess() {
    if (pid_ <= 0 || reaped_) return;
    ::kill(pid_, SIGKILL);
    (void)wait();
  }

  [[nodiscard]] int pid() const { return pid_; }
  // The status as waitpid gives it.
  [[nodiscard]] int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    reaped_ = true;
    return status;
  }
  [[nodiscard]] char state() const {
    const auto stat = parse_stat(read_proc(proc_path(pid_, "stat")));
    return stat ? stat->state : '?';
  }

 private:
  pid_t pid_;
  bool reaped_ = false;
};

// Value of a status file's numeric line; -1 when absent.
inline int status_number(int pid, std::string_view key) {
  const auto number = number_of(read_proc(proc_path(pid, "status")), key);
  return number ? static_cast<int>(*number) : -1;
}

}  // namespace segwhy::testing_support
