// Memory use over the run: sampled seldom while nothing moves, often while it does, and kept in bounded space.
//
// SamplePace and SampleHistory are pure; MemorySampler reads /proc. Single-threaded.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "evidence/model/case.h"
#include "monitor/cgroup_watch.h"

namespace segwhy {

// One look at the whole tree.
struct TreeSample {
  std::uint64_t at_ns = 0;  // since the start of the run
  std::uint64_t tree_rss = 0;
  std::optional<std::uint64_t> cgroup;
  std::vector<std::pair<pid_t, std::uint64_t>> processes;  // resident bytes, the largest ones
};

// When to look again.
class SamplePace {
 public:
  // After a sample of `bytes` that took `cost_ns`: nanoseconds until the next. Halves while memory moves, grows to a
  // second while it does not, and never spends more than a thousandth of the time.
  std::uint64_t next_interval(std::uint64_t bytes, std::uint64_t cost_ns);

 private:
  std::uint64_t interval_ns_ = 0;
  std::uint64_t last_bytes_ = 0;
};

// The samples of a run of any length: recent ones all, older ones ever fewer.
class SampleHistory {
 public:
  static constexpr std::size_t kCapacity = 240;
  void add(TreeSample sample);
  [[nodiscard]] const std::vector<TreeSample>& samples() const { return samples_; }

 private:
  std::vector<TreeSample> samples_;
};

class MemorySampler {
 public:
  // `baseline`: the counters before the program started.
  MemorySampler(std::uint64_t start_ns, EnvironmentBaseline baseline)
      : start_ns_(start_ns), cgroups_(std::move(baseline)) {}

  // Looks at `processes` if it is time to. Returns milliseconds until the next look.
  int sample_if_due(const std::vector<pid_t>& processes);

  // As seen from process `pid`, ascending in time.
  [[nodiscard]] std::vector<MemorySample> samples_of(pid_t pid) const;
  [[nodiscard]] std::optional<std::uint64_t> peak_of(pid_t pid) const;
  // The counters to compare with after the end of `pid`.
  [[nodiscard]] EnvironmentBaseline baseline_of(pid_t pid) const { return cgroups_.baseline_of(pid); }

 private:
  TreeSample look(const std::vector<pid_t>& processes, std::uint64_t now_ns);

  std::uint64_t start_ns_;
  CgroupWatch cgroups_;
  std::uint64_t due_ns_ = 0;
  SamplePace pace_;
  SampleHistory history_;
};

}  // namespace segwhy
