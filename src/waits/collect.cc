#include "waits/collect.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "capture/procfs.h"
#include "waits/blocked.h"

namespace segwhy::waits {
namespace {

using On = Blocked::On;

std::optional<std::uint64_t> switches_of(int pid, int tid) {
  const std::string status = read_proc(task_path(pid, tid, "status"));
  const auto given_up = number_of(status, "voluntary_ctxt_switches");
  const auto taken = number_of(status, "nonvoluntary_ctxt_switches");
  if (!given_up || !taken) return std::nullopt;
  return *given_up + *taken;
}

std::vector<int> children_of(int pid) {
  std::vector<int> out;
  for (const int tid : list_tasks(pid))
    for (const std::string_view word : split(trim(read_proc(task_path(pid, tid, "children"))), ' '))
      if (const auto child = parse_number(word)) out.push_back(static_cast<int>(*child));
  return out;
}

std::vector<SharedPlace> shared_memory(const Snapshot& snapshot) {
  std::vector<SharedPlace> out;
  for (const Mapping& m : snapshot.mappings) {
    const SharedPlace place{m.device, m.inode};
    if (m.shared && m.writable && std::find(out.begin(), out.end(), place) == out.end()) out.push_back(place);
  }
  return out;
}

// A wait on descriptors is one only while none of them is ready.
void check_channels(int pid, const ThreadSnapshot& thread, Blocked& blocked) {
  if (would_block(pid, blocked.interests) != true) {
    blocked = Blocked();
    return;
  }
  if (thread.system_call && is_epoll_wait(*thread.system_call))
    blocked.interests = epoll_interests(pid, blocked.interests.front().fd);
}

// The words of a line of /proc/locks: "1:", then "->" of one who waits, "FLOCK", "ADVISORY", "WRITE", pid...
std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words = split(trim(line), ' ');
  std::erase(words, std::string_view());
  return words;
}

std::optional<int> pid_in(const std::vector<std::string_view>& words, std::size_t at) {
  const auto pid = at < words.size() ? parse_number(words[at]) : std::nullopt;
  return pid && *pid != 0 ? std::optional(static_cast<int>(*pid)) : std::nullopt;
}

}  // namespace

void Switches::note(int pid) {
  for (const int tid : list_tasks(pid))
    if (const auto count = switches_of(pid, tid)) counts_[{pid, tid}] = *count;
}

bool Switches::has_run(int pid, int tid) const {
  const auto before = counts_.find({pid, tid});
  return before == counts_.end() || switches_of(pid, tid) != before->second;
}

ProcessFacts collect(const Snapshot& snapshot, const std::vector<Thread>& threads, const SocketPeers& peers) {
  ProcessFacts facts;
  facts.pid = snapshot.pid;
  facts.ends = channel_ends(snapshot.pid, peers);
  facts.shared = shared_memory(snapshot);
  facts.children = children_of(snapshot.pid);
  for (const ThreadSnapshot& thread : snapshot.threads) {
    ThreadFacts blocked{thread.tid, blocked_on(snapshot, thread, threads)};
    if (blocked.blocked.on == On::kChannels) check_channels(snapshot.pid, thread, blocked.blocked);
    if (blocked.blocked.on == On::kFileLock) blocked.blocked.pid = lock_holder(read_proc("/proc/locks"), snapshot.pid);
    facts.threads.push_back(std::move(blocked));
  }
  return facts;
}

std::optional<int> lock_holder(std::string_view locks, int pid) {
  std::optional<int> holder;
  for (const std::string_view line : split(locks, '\n')) {
    const auto words = words_of(line);
    if (words.size() < 6) continue;
    const bool waits = words[1] == "->";
    if (!waits)
      holder = pid_in(words, 4);
    else if (pid_in(words, 5) == pid)
      return holder;
  }
  return std::nullopt;
}

}  // namespace segwhy::waits
