// Descriptor hygiene: the program inherits exactly what the user gave it, and Segwhy keeps nothing of it open.
//
// Descriptors 0-2 may be closed when Segwhy starts. They are plugged first thing, so that no file of ours lands there
// and no report ever goes into a file of the program's that happens to be number 2. Not thread-safe; used before any
// thread exists.
#pragma once

#include <array>
#include <initializer_list>

namespace segwhy {

class StandardDescriptors {
 public:
  // Opens /dev/null (or a pipe, where there is none) on each of 0-2 that is closed.
  static StandardDescriptors plug_closed();

  [[nodiscard]] bool was_open(int fd) const { return open_.at(static_cast<std::size_t>(fd)); }
  // In the child that becomes the program: closes what plug_closed() opened. Async-signal-safe.
  void unplug() const;

 private:
  std::array<bool, 3> open_{};
};

// Makes `fd` refer to /dev/null; closes it when that cannot be opened.
void redirect_to_null(int fd);

// Closes every descriptor from 3 up but those in `keep`.
void close_all_except(std::initializer_list<int> keep);

}  // namespace segwhy
