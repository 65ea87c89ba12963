// Memory use over the run: sampled seldom while nothing moves, often while it does, and kept in bounded space.
//
// SamplePace and SampleHistory are pure; MemorySampler reads /proc. Single-threaded.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "capture/memory_parts.h"
#include "evidence/model/case.h"
#include "monitor/cgroup_watch.h"

namespace segwhy {

struct ProcessSample {
  pid_t pid = 0;
  MemoryParts parts;
};

// One look at the whole tree.
struct TreeSample {
  std::uint64_t at_ns = 0;  // since the start of the run
  std::uint64_t tree_rss = 0;
  std::optional<std::uint64_t> cgroup;
  std::vector<ProcessSample> processes;  // the largest ones
  std::optional<double> pressure;
};

// When to look again.
class SamplePace {
 public:
  // `fine`: memory is what the run is about. It may cost a fiftieth of the time rather than a thousandth, and a slow
  // growth is looked at often enough to be told from a jump.
  explicit SamplePace(bool fine = false) : fine_(fine) {}

  // After a sample of `bytes` that took `cost_ns` of CPU time, `age_ns` after the start: nanoseconds until the next.
  // Halves while memory moves, grows to a second while it does not; longer when looking takes too much of the time.
  std::uint64_t next_interval(std::uint64_t bytes, std::uint64_t cost_ns, std::uint64_t age_ns);

 private:
  bool fine_;
  std::uint64_t spent_ns_ = 0;
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
  // `baseline`: the counters before the program started. `fine`: see SamplePace; then the parts of a resident set, the
  // limit and the pressure are looked up, too, which takes several times as long.
  MemorySampler(std::uint64_t start_ns, EnvironmentBaseline baseline, bool fine = false)
      : start_ns_(start_ns), cgroups_(std::move(baseline)), fine_(fine), pace_(fine) {}

  // Looks at `processes` if it is time to, and calls `also`, whose time counts as the look's, after it. Returns
  // milliseconds until the next look.
  int sample_if_due(const std::vector<pid_t>& processes, const std::function<void()>& also = {});

  // Of the whole tree, ascending in time.
  [[nodiscard]] const std::vector<TreeSample>& all() const { return history_.samples(); }
  // Of the cgroup of the process that holds most, as last looked up; only a fine sampler does.
  [[nodiscard]] std::optional<std::uint64_t> memory_limit() const { return limit_; }

  // As seen from process `pid`, ascending in time.
  [[nodiscard]] std::vector<MemorySample> samples_of(pid_t pid) const;
  [[nodiscard]] std::optional<std::uint64_t> peak_of(pid_t pid) const;
  // The kill that the counters of the cgroup of `pid` told of is explained: it says nothing about another one.
  void explain_kill(pid_t pid) { cgroups_.explain_kill(pid); }
  // The counters to compare with after the end of `pid`.
  [[nodiscard]] EnvironmentBaseline baseline_of(pid_t pid) const { return cgroups_.baseline_of(pid); }

 private:
  [[nodiscard]] std::optional<MemoryParts> parts_of(pid_t pid) const;
  TreeSample look(const std::vector<pid_t>& processes, std::uint64_t now_ns);
  void look_at_surroundings(pid_t pid, std::uint64_t now_ns);

  std::uint64_t start_ns_;
  CgroupWatch cgroups_;
  std::uint64_t due_ns_ = 0;
  bool fine_;
  std::optional<std::uint64_t> limit_;
  std::optional<double> pressure_;
  std::uint64_t limit_read_ns_ = 0;
  SamplePace pace_;
  SampleHistory history_;
};

}  // namespace segwhy
