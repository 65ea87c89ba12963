// ProcessFacts: what the threads of a process are blocked on, read from the outside. Plain data: filled by collect.h or
// by hand in tests, judged by wait_graph.h.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace segwhy::waits {

// A pipe or a socket pair between processes, known by its inode.
struct Channel {
  std::uint64_t inode = 0;
  std::uint64_t peer = 0;  // the inode of a socket's other end; a pipe has one for both

  auto operator<=>(const Channel&) const = default;
};

// An open descriptor that leads to a channel.
struct ChannelEnd {
  int fd = 0;
  Channel channel;
  bool reads = false, writes = false;
};

// A place in memory that several processes share.
struct SharedPlace {
  std::uint64_t device = 0, inode = 0;

  auto operator<=>(const SharedPlace&) const = default;
};

// What a thread waits for on one descriptor.
struct Interest {
  int fd = -1;
  bool reads = false, writes = false;
};

struct Blocked {
  enum class On {
    kUnknown,   // runs, or blocked on what cannot be told: it may go on
    kTime,      // goes on by itself
    kLock,      // a futex in memory of its own process
    kShared,    // a futex in shared memory
    kMutex,     // a mutex that names its holder
    kJoin,      // the end of a thread
    kGil,       // Python's global lock
    kChild,     // the end of a child
    kChannels,  // descriptors
    kFileLock,
  };
  On on = On::kUnknown;
  std::optional<int> tid;  // holder of the mutex, thread that is joined, holder of the GIL
  std::optional<int> pid;  // of the child, absent: any; holder of the file lock
  SharedPlace place;
  std::vector<Interest> interests;
  bool from_poll = false;  // the interests are those of poll, select or epoll
};

struct ThreadFacts {
  int tid = 0;
  Blocked blocked;
};

struct ProcessFacts {
  int pid = 0;
  int parent_pid = 0;
  std::vector<ThreadFacts> threads;
  std::vector<ChannelEnd> ends;
  std::vector<SharedPlace> shared;  // shared memory that it has mapped
  std::vector<int> children;        // all of them, as the kernel lists them
};

// What processes that were not looked at could do.
struct Outside {
  std::vector<ChannelEnd> ends;  // that they hold; `fd` means nothing
  bool shares_memory = false;    // processes of the same run were left out
};

}  // namespace segwhy::waits
