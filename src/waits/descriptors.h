// The pipes and socket pairs of processes: which descriptors lead to them, who has the other end, and whether there is
// anything to be done on one. Reads /proc; a process that may not be looked at has no descriptors here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "waits/process_facts.h"

namespace segwhy::waits {

// Inodes of connected Unix sockets and of their other ends, as the kernel's socket monitoring tells. Empty where that
// is refused.
using SocketPeers = std::map<std::uint64_t, std::uint64_t>;
[[nodiscard]] SocketPeers socket_peers();

[[nodiscard]] std::vector<ChannelEnd> channel_ends(int pid, const SocketPeers& peers);

// What all processes but `looked_at` hold of the channels of these.
[[nodiscard]] Outside outside_of(const std::vector<ProcessFacts>& looked_at, const SocketPeers& peers);

// The descriptors that an epoll descriptor watches.
[[nodiscard]] std::vector<Interest> epoll_interests(int pid, int fd);

// Whether the process would have to wait on all of these now; nullopt when it cannot be told.
[[nodiscard]] std::optional<bool> would_block(int pid, const std::vector<Interest>& interests);

}  // namespace segwhy::waits
