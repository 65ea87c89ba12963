#include "waits/blocked.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <initializer_list>
#include <string_view>

namespace segwhy::waits {
namespace {

using On = Blocked::On;

constexpr std::uint64_t kMostDescriptors = 1024;
constexpr std::size_t kInnerFrames = 8;
constexpr std::uint64_t kEpollPwait2 = 441;
constexpr std::uint64_t kFutexLockPi2 = 13;
constexpr std::uint64_t kFutexCommand = 0x7f;

const Thread* thread_of(const std::vector<Thread>& threads, int tid) {
  const auto it = std::find_if(threads.begin(), threads.end(), [tid](const Thread& t) { return t.tid == tid; });
  return it == threads.end() ? nullptr : &*it;
}

bool runs_any(const Thread* thread, std::initializer_list<std::string_view> names) {
  if (thread == nullptr) return false;
  const auto end =
      thread->native.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(thread->native.size(), kInnerFrames));
  return std::any_of(thread->native.begin(), end, [&](const NativeFrame& f) {
    return std::any_of(names.begin(), names.end(),
                       [&](std::string_view name) { return f.symbol.find(name) != std::string::npos; });
  });
}

Blocked on(On what) {
  Blocked blocked;
  blocked.on = what;
  return blocked;
}

Blocked on_thread(On what, std::uint32_t tid) {
  Blocked blocked = on(what);
  blocked.tid = static_cast<int>(tid);
  return blocked;
}

// The GIL is waited for in slices of time, so that only the code tells such a wait.
Blocked on_gil(const std::vector<Thread>& threads, int waiter) {
  const auto holder = std::find_if(threads.begin(), threads.end(),
                                   [&](const Thread& t) { return t.tid != waiter && t.holds_gil == true; });
  if (holder == threads.end()) return on(On::kUnknown);
  return on_thread(On::kGil, static_cast<std::uint32_t>(holder->tid));
}

// glibc's pthread_mutex_t: the futex word, a count, the holder's thread id.
constexpr std::uint64_t kMutexOwner = 8;

Blocked on_futex(const Snapshot& snapshot, const SystemCall& call, const Thread* thread) {
  const TargetAddr address(call.arguments[0]);
  const std::uint64_t operation = call.arguments[1] & kFutexCommand;
  const bool own = (call.arguments[1] & FUTEX_PRIVATE_FLAG) != 0;
  if (call.arguments[3] != 0) return on(On::kTime);
  const auto word = snapshot.memory->value<std::uint32_t>(address);
  if (!word) return on(On::kUnknown);
  if (operation == FUTEX_LOCK_PI || operation == kFutexLockPi2) return on_thread(On::kMutex, *word & FUTEX_TID_MASK);
  if (operation != FUTEX_WAIT && operation != FUTEX_WAIT_BITSET) return on(On::kUnknown);
  if (*word != static_cast<std::uint32_t>(call.arguments[2])) return on(On::kUnknown);
  const Mapping* const mapping = snapshot.mapping_of(address);
  if (mapping == nullptr) return on(On::kUnknown);
  if (!own && mapping->shared) {
    Blocked blocked = on(On::kShared);
    blocked.place = {mapping->device, mapping->inode};
    return blocked;
  }
  if (runs_any(thread, {"pthread_clockjoin", "pthread_timedjoin", "pthread_join"})) return on_thread(On::kJoin, *word);
  if (!runs_any(thread, {"pthread_mutex_lock"})) return on(On::kLock);
  const auto holder = snapshot.memory->value<std::uint32_t>(address + kMutexOwner);
  return holder && *holder != 0 ? on_thread(On::kMutex, *holder) : on(On::kUnknown);
}

Blocked on_child(const SystemCall& call) {
  Blocked blocked = on(On::kChild);
  if (call.number == SYS_wait4) {
    const int pid = static_cast<int>(call.arguments[0]);
    if (pid > 0) blocked.pid = pid;
    return blocked;
  }
  if (call.arguments[0] == P_PID) blocked.pid = static_cast<int>(call.arguments[1]);
  return call.arguments[0] == P_PID || call.arguments[0] == P_ALL ? blocked : on(On::kUnknown);
}

Blocked on_descriptor(std::uint64_t fd, bool reads) {
  Blocked blocked = on(On::kChannels);
  blocked.interests.push_back({static_cast<int>(fd), reads, !reads});
  return blocked;
}

Blocked on_poll(const Snapshot& snapshot, const SystemCall& call) {
  const bool for_ever = call.number == SYS_poll ? static_cast<int>(call.arguments[2]) < 0 : call.arguments[2] == 0;
  if (!for_ever) return on(On::kTime);
  Blocked blocked = on(On::kChannels);
  blocked.from_poll = true;
  if (call.arguments[1] > kMostDescriptors) return on(On::kUnknown);
  for (std::uint64_t i = 0; i < call.arguments[1]; ++i) {
    const auto entry = snapshot.memory->value<pollfd>(TargetAddr(call.arguments[0]) + i * sizeof(pollfd));
    if (!entry) return on(On::kUnknown);
    if (entry->fd < 0) continue;
    const bool reads = (entry->events & (POLLIN | POLLPRI)) != 0;
    blocked.interests.push_back({entry->fd, reads, (entry->events & POLLOUT) != 0});
  }
  return blocked;
}

bool is_in_set(const Snapshot& snapshot, std::uint64_t set, std::uint64_t fd) {
  if (set == 0) return false;
  const auto byte = snapshot.memory->value<std::uint8_t>(TargetAddr(set) + fd / 8);
  return byte && ((*byte >> (fd % 8)) & 1U) != 0;
}

Blocked on_select(const Snapshot& snapshot, const SystemCall& call) {
  if (call.arguments[4] != 0) return on(On::kTime);
  Blocked blocked = on(On::kChannels);
  blocked.from_poll = true;
  if (call.arguments[0] > kMostDescriptors) return on(On::kUnknown);
  for (std::uint64_t fd = 0; fd < call.arguments[0]; ++fd) {
    const bool reads = is_in_set(snapshot, call.arguments[1], fd);
    const bool writes = is_in_set(snapshot, call.arguments[2], fd);
    if (reads || writes) blocked.interests.push_back({static_cast<int>(fd), reads, writes});
  }
  return blocked;
}

Blocked on_epoll(const SystemCall& call) {
  const bool for_ever = call.number == kEpollPwait2 ? call.arguments[3] == 0 : static_cast<int>(call.arguments[3]) < 0;
  if (!for_ever) return on(On::kTime);
  Blocked blocked = on_descriptor(call.arguments[0], true);
  blocked.from_poll = true;
  return blocked;
}

}  // namespace

bool is_epoll_wait(const SystemCall& call) {
  return call.number == SYS_epoll_wait || call.number == SYS_epoll_pwait || call.number == kEpollPwait2;
}

Blocked blocked_on(const Snapshot& snapshot, const ThreadSnapshot& thread, const std::vector<Thread>& threads) {
  if (!thread.system_call) return on(On::kUnknown);
  const SystemCall& call = *thread.system_call;
  const Thread* const frames = thread_of(threads, thread.tid);
  if (is_epoll_wait(call)) return on_epoll(call);
  switch (call.number) {
    case SYS_futex:
      return runs_any(frames, {"take_gil"}) ? on_gil(threads, thread.tid) : on_futex(snapshot, call, frames);
    case SYS_wait4:
    case SYS_waitid:
      return on_child(call);
    case SYS_read:
    case SYS_readv:
    case SYS_recvfrom:
    case SYS_recvmsg:
      return on_descriptor(call.arguments[0], true);
    case SYS_write:
    case SYS_writev:
    case SYS_sendto:
    case SYS_sendmsg:
      return on_descriptor(call.arguments[0], false);
    case SYS_poll:
    case SYS_ppoll:
      return on_poll(snapshot, call);
    case SYS_select:
    case SYS_pselect6:
      return on_select(snapshot, call);
    case SYS_flock:
      return on(On::kFileLock);
    case SYS_fcntl:
      return on(call.arguments[1] == F_SETLKW || call.arguments[1] == F_OFD_SETLKW ? On::kFileLock : On::kUnknown);
    default:
      return on(On::kUnknown);
  }
}

}  // namespace segwhy::waits
