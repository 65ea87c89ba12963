#include "waits/wait_graph.h"

#include <algorithm>
#include <bitset>
#include <map>

namespace segwhy::waits {
namespace {

using On = Blocked::On;

struct Node {
  const ProcessFacts* process = nullptr;
  const ThreadFacts* thread = nullptr;
  bool goes_on = false;
  StuckThread wait;
};

const char* kind_of(const Blocked& blocked) {
  switch (blocked.on) {
    case On::kMutex:
      return "mutex";
    case On::kShared:
      return "shared-lock";
    case On::kJoin:
      return "join";
    case On::kGil:
      return "gil";
    case On::kChild:
      return "child";
    case On::kFileLock:
      return "file-lock";
    case On::kChannels:
      if (blocked.from_poll) return "poll";
      return blocked.interests.front().writes ? "write" : "read";
    default:
      return "lock";
  }
}

template <class List, class Item>
bool holds(const List& list, const Item& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

// Whether `end` is the other side of what a thread wants of `own`: data to read, or room to write.
bool answers(const ChannelEnd& end, const ChannelEnd& own, const Interest& interest) {
  const bool is_pipe = own.channel.peer == 0;
  if (end.channel.inode != (is_pipe ? own.channel.inode : own.channel.peer)) return false;
  return (interest.reads && end.writes) || (interest.writes && end.reads);
}

bool any_answers(const std::vector<ChannelEnd>& ends, const ChannelEnd& own, const Interest& interest) {
  return std::any_of(ends.begin(), ends.end(), [&](const ChannelEnd& end) { return answers(end, own, interest); });
}

class Graph {
 public:
  Graph(const std::vector<ProcessFacts>& processes, const Outside& outside) : processes_(processes), outside_(outside) {
    for (const ProcessFacts& process : processes)
      for (const ThreadFacts& thread : process.threads) add(process, thread);
    spread();
  }

  [[nodiscard]] std::vector<StuckThread> stuck();

 private:
  void add(const ProcessFacts& process, const ThreadFacts& thread);
  void find_wakers(Node& node) const;
  void find_channel_wakers(Node& node) const;
  void name_thread(Node& node) const;
  void name_process(Node& node, int pid) const;
  void wait_for_children(Node& node) const;
  void spread();
  [[nodiscard]] bool wakes(const Node& waker, const Node& waiter) const;
  [[nodiscard]] const ProcessFacts* find(int pid) const;

  const std::vector<ProcessFacts>& processes_;
  const Outside& outside_;
  std::vector<Node> nodes_;
};

const ProcessFacts* Graph::find(int pid) const {
  const auto it =
      std::find_if(processes_.begin(), processes_.end(), [pid](const ProcessFacts& p) { return p.pid == pid; });
  return it == processes_.end() ? nullptr : &*it;
}

void Graph::add(const ProcessFacts& process, const ThreadFacts& thread) {
  Node node{&process, &thread, false, {}};
  node.wait.pid = process.pid;
  node.wait.tid = thread.tid;
  const Blocked& blocked = thread.blocked;
  node.goes_on = blocked.on == On::kUnknown || blocked.on == On::kTime ||
                 (blocked.on == On::kChannels && blocked.interests.empty());
  if (!node.goes_on) {
    node.wait.kind = kind_of(blocked);
    find_wakers(node);
  }
  nodes_.push_back(std::move(node));
}

void Graph::find_wakers(Node& node) const {
  const Blocked& blocked = node.thread->blocked;
  switch (blocked.on) {
    case On::kLock:
      node.wait.wakers.push_back({node.process->pid, 0});
      return;
    case On::kShared:
      node.goes_on = outside_.shares_memory;
      for (const ProcessFacts& p : processes_)
        if (holds(p.shared, blocked.place)) node.wait.wakers.push_back({p.pid, 0});
      return;
    case On::kMutex:
    case On::kJoin:
    case On::kGil:
      return name_thread(node);
    case On::kChild:
      return blocked.pid ? name_process(node, *blocked.pid) : wait_for_children(node);
    case On::kFileLock:
      return blocked.pid ? name_process(node, *blocked.pid) : void(node.goes_on = true);
    case On::kChannels:
      return find_channel_wakers(node);
    default:
      return;
  }
}

void Graph::name_thread(Node& node) const {
  const Blocked& blocked = node.thread->blocked;
  const auto& threads = node.process->threads;
  const bool present =
      std::any_of(threads.begin(), threads.end(), [&](const ThreadFacts& t) { return t.tid == blocked.tid; });
  node.wait.named = true;
  if (present) {
    node.wait.wakers.push_back({node.process->pid, *blocked.tid});
    node.wait.object = "thread " + std::to_string(*blocked.tid);
  } else if (blocked.on == On::kMutex && blocked.tid) {
    // Held by a thread that has ended, or that stayed in the parent at a fork: nobody will unlock it.
    node.wait.absent_holder = blocked.tid;
  } else {
    node.goes_on = true;
  }
}

void Graph::name_process(Node& node, int pid) const {
  node.wait.named = true;
  node.wait.object = "process " + std::to_string(pid);
  node.wait.wakers.push_back({pid, 0});
  if (find(pid) == nullptr) node.goes_on = true;
}

void Graph::wait_for_children(Node& node) const {
  const std::vector<int>& children = node.process->children;
  node.wait.named = true;
  if (children.empty()) node.goes_on = true;
  for (const int pid : children) {
    node.wait.wakers.push_back({pid, 0});
    if (find(pid) == nullptr) node.goes_on = true;
  }
}

void Graph::find_channel_wakers(Node& node) const {
  const Blocked& blocked = node.thread->blocked;
  for (const Interest& interest : blocked.interests) {
    const auto& ends = node.process->ends;
    const auto own = std::find_if(ends.begin(), ends.end(), [&](const ChannelEnd& e) { return e.fd == interest.fd; });
    if (own == ends.end() || any_answers(outside_.ends, *own, interest)) {
      node.goes_on = true;
      return;
    }
    if (blocked.interests.size() == 1)
      node.wait.object = (own->channel.peer == 0 ? "pipe " : "socket ") + std::to_string(own->channel.inode);
    for (const ProcessFacts& p : processes_) {
      const bool known = std::any_of(node.wait.wakers.begin(), node.wait.wakers.end(),
                                     [&](const ThreadRef& r) { return r.pid == p.pid; });
      if (!known && any_answers(p.ends, *own, interest)) node.wait.wakers.push_back({p.pid, 0});
    }
  }
}

bool Graph::wakes(const Node& waker, const Node& waiter) const {
  return std::any_of(waiter.wait.wakers.begin(), waiter.wait.wakers.end(), [&](const ThreadRef& r) {
    if (r.pid != waker.process->pid) return false;
    return r.tid != 0 ? r.tid == waker.thread->tid : &waker != &waiter;
  });
}

// Whoever can be woken by one that goes on goes on as well.
void Graph::spread() {
  std::vector<const Node*> fresh;
  for (const Node& node : nodes_)
    if (node.goes_on) fresh.push_back(&node);
  while (!fresh.empty()) {
    const Node* const waker = fresh.back();
    fresh.pop_back();
    for (Node& node : nodes_) {
      if (node.goes_on || !wakes(*waker, node)) continue;
      node.goes_on = true;
      fresh.push_back(&node);
    }
  }
}

using Set = std::bitset<kMaxThreads>;

// Row i: everyone on whom i waits, directly or through others.
std::vector<Set> closed(std::vector<Set> waits) {
  for (std::size_t k = 0; k < waits.size(); ++k)
    for (Set& row : waits)
      if (row[k]) row |= waits[k];
  return waits;
}

bool in_knot(const std::vector<Set>& waits, std::size_t i) {
  for (std::size_t j = 0; j < waits.size(); ++j)
    if (waits[i][j] && !waits[j][i]) return false;
  return true;
}

std::vector<StuckThread> Graph::stuck() {
  std::vector<Node> kept;
  for (Node& node : nodes_)
    if (!node.goes_on) kept.push_back(std::move(node));
  std::vector<Set> waits(kept.size());
  for (std::size_t i = 0; i < kept.size(); ++i)
    for (std::size_t j = 0; j < kept.size(); ++j) waits[i][j] = wakes(kept[j], kept[i]);
  waits = closed(std::move(waits));
  std::uint32_t knots = 0;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (kept[i].wait.knot || !in_knot(waits, i)) continue;
    kept[i].wait.knot = knots;
    for (std::size_t j = 0; j < kept.size(); ++j)
      if (waits[i][j]) kept[j].wait.knot = knots;
    ++knots;
  }
  std::vector<StuckThread> out;
  for (Node& node : kept) out.push_back(std::move(node.wait));
  std::stable_sort(out.begin(), out.end(), [](const StuckThread& a, const StuckThread& b) {
    return a.knot.value_or(UINT32_MAX) < b.knot.value_or(UINT32_MAX);
  });
  return out;
}

}  // namespace

std::vector<StuckThread> find_stuck(const std::vector<ProcessFacts>& processes, const Outside& outside) {
  std::size_t threads = 0;
  for (const ProcessFacts& p : processes) threads += p.threads.size();
  if (threads > kMaxThreads) return {};
  return Graph(processes, outside).stuck();
}

}  // namespace segwhy::waits
