#include "frameworks/thread_links.h"

#include <algorithm>
#include <unordered_set>

namespace segwhy {
namespace {

constexpr std::uint64_t kStackSearched = 16 << 10;
constexpr std::uint64_t kBehindPointer = 64;  // captures of a lambda
constexpr std::uint32_t kCounted = 4;         // more pointers say no more

// The part of a thread's stack that is in use.
struct LiveStack {
  std::uint64_t begin = 0, end = 0;
  std::size_t link = 0;
};

std::uint64_t stack_end(const ThreadSnapshot& thread, TargetView& view) {
  const std::uint64_t sp = thread.registers.sp().value();
  const Mapping* in = view.mapping(sp);
  if (in == nullptr) return sp;
  const std::uint64_t known = thread.stack_end.value();
  return known > sp && known <= in->end.value() ? known : in->end.value();
}

class Links {
 public:
  Links(const Snapshot& snapshot, TargetView& view, int from) : view_(view) {
    for (const ThreadSnapshot& thread : snapshot.threads) {
      if (thread.tid == from || !thread.registers_known) continue;
      stacks_.push_back({thread.registers.sp().value(), stack_end(thread, view), links_.size()});
      links_.emplace_back().tid = thread.tid;
    }
    std::sort(stacks_.begin(), stacks_.end(), [](const LiveStack& a, const LiveStack& b) { return a.begin < b.begin; });
  }

  std::vector<ThreadLink>& all() { return links_; }

  void count(std::uint64_t word) {
    if (ThreadLink* to = link_to(word)) {
      ++to->direct;
      return;
    }
    const Mapping* in = word % 8 == 0 ? view_.mapping(word) : nullptr;
    if (in == nullptr || !in->readable || !in->writable || !followed_.insert(word).second) return;
    for (std::uint64_t at = word; at < std::min(word + kBehindPointer, in->end.value()); at += 8) {
      const auto behind = view_.word(at);
      ThreadLink* to = behind ? link_to(*behind) : nullptr;
      if (to != nullptr) ++to->indirect;
    }
  }

 private:
  ThreadLink* link_to(std::uint64_t word) {
    auto after = std::upper_bound(stacks_.begin(), stacks_.end(), word,
                                  [](std::uint64_t value, const LiveStack& s) { return value < s.begin; });
    if (after == stacks_.begin()) return nullptr;
    const LiveStack& stack = *std::prev(after);
    return word < stack.end ? &links_[stack.link] : nullptr;
  }

  TargetView& view_;
  std::vector<LiveStack> stacks_;
  std::vector<ThreadLink> links_;
  std::unordered_set<std::uint64_t> followed_;
};

// "f(int)::{lambda()#1}" is a lambda of f(int). Functions of the pool itself are on every submitter's stack and are
// told from the work's by where the lambda's name stands: only the innermost function named before "::{lambda" counts.
bool is_lambda_of(const std::string& lambda, const std::string& function) {
  return !function.empty() && lambda.find(function + "::{lambda") != std::string::npos;
}

bool runs_lambda_of(const Thread& worker, const Thread& submitter) {
  for (const NativeFrame& inner : worker.native) {
    if (inner.function.find("::{lambda") == std::string::npos) continue;
    for (const NativeFrame& outer : submitter.native)
      if (outer.function.find("Eigen::ThreadPool") == std::string::npos && is_lambda_of(inner.function, outer.function))
        return true;
  }
  return false;
}

const Thread* thread_of(const std::vector<Thread>& threads, int tid) {
  const auto it = std::find_if(threads.begin(), threads.end(), [&](const Thread& t) { return t.tid == tid; });
  return it == threads.end() ? nullptr : &*it;
}

}  // namespace

std::uint32_t ThreadLink::weight() const {
  return (runs_lambda_of ? 16 : 0) + 2 * std::min(direct, kCounted) + std::min(indirect, kCounted);
}

std::string ThreadLink::reason() const {
  if (runs_lambda_of) return "it runs a lambda of a function that thread is waiting in";
  if (direct > 0) return "its stack holds pointers into that thread's stack";
  return "what its stack points to holds pointers into that thread's stack";
}

std::vector<ThreadLink> find_thread_links(const Snapshot& snapshot, const std::vector<Thread>& threads,
                                          TargetView& view, int from) {
  const auto it = std::find_if(snapshot.threads.begin(), snapshot.threads.end(),
                               [&](const ThreadSnapshot& t) { return t.tid == from; });
  if (it == snapshot.threads.end() || !it->registers_known) return {};
  Links links(snapshot, view, from);
  for (const std::uint64_t word : it->registers.dwarf) links.count(word);
  const std::uint64_t sp = it->registers.sp().value() & ~std::uint64_t{7};
  const std::uint64_t end = std::min(stack_end(*it, view), sp + kStackSearched);
  for (std::uint64_t at = sp; at + 8 <= end; at += 8)
    if (const auto word = view.word(at)) links.count(*word);

  std::vector<ThreadLink> out = std::move(links.all());
  const Thread* worker = thread_of(threads, from);
  for (ThreadLink& link : out) {
    const Thread* submitter = thread_of(threads, link.tid);
    link.runs_lambda_of = worker != nullptr && submitter != nullptr && runs_lambda_of(*worker, *submitter);
  }
  std::erase_if(out, [](const ThreadLink& link) { return link.weight() == 0; });
  std::stable_sort(out.begin(), out.end(),
                   [](const ThreadLink& a, const ThreadLink& b) { return a.weight() > b.weight(); });
  return out;
}

}  // namespace segwhy
