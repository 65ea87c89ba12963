#include "monitor/cgroup_watch.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

namespace segwhy {
namespace {

// Processes beyond these are rare, and share their parent's cgroup as a rule.
constexpr std::size_t kMostProcesses = 32;
constexpr std::size_t kMostBaselines = 64;

std::optional<std::uint64_t> number_in(const std::string& path) {
  const auto text = read_file(path, 256);
  return text ? parse_number(trim(*text)) : std::nullopt;
}

bool same_place(const std::optional<CgroupDirectory>& a, const std::optional<CgroupDirectory>& b) {
  return a.has_value() == b.has_value() && (!a || a->directory == b->directory);
}

bool same_place(const CgroupDirectories& a, const CgroupDirectories& b) {
  return same_place(a.memory, b.memory) && same_place(a.pids, b.pids);
}

// As a process that is dead but not yet reaped is shown, too: no news.
bool in_root(const CgroupDirectories& where) {
  return (!where.memory || where.memory->path == "/") && (!where.pids || where.pids->path == "/");
}

}  // namespace

CgroupWatch::CgroupWatch(EnvironmentBaseline start) {
  newer_ = older_ = start.machine;
  baselines_.push_back(std::move(start));
}

void CgroupWatch::follow(const std::vector<pid_t>& processes) {
  std::erase_if(members_, [&processes](const auto& member) {
    return std::find(processes.begin(), processes.end(), member.first) == processes.end();
  });
  for (std::size_t i = 0; i < std::min(processes.size(), kMostProcesses); ++i) look(processes[i]);
  look_at_machine();
}

void CgroupWatch::look_at_machine() {
  constexpr std::uint64_t kIntervalNs = 1'000'000'000;
  if (monotonic_ns() - newer_.read_ns < kIntervalNs) return;
  older_ = newer_;
  newer_ = read_machine_oom_kills();
}

void CgroupWatch::look(pid_t pid) {
  constexpr std::size_t kMostText = 64 * 1024;
  auto membership = read_file("/proc/" + std::to_string(pid) + "/cgroup", kMostText);
  if (!membership || membership->empty()) return;
  Member& member = members_[pid];
  if (member.membership == *membership) return;
  member.membership = std::move(*membership);
  // As a rule a new process is where another one is: that place need not be looked up again.
  if (const auto place = places_.find(member.membership); place != places_.end())
    member.baseline = place->second;
  else
    member.baseline = baseline_for(pid);
}

std::size_t CgroupWatch::baseline_for(pid_t pid) {
  const std::size_t before = members_[pid].baseline;
  EnvironmentBaseline now = read_baseline(pid);
  if (in_root(now.cgroups)) return before;
  const auto known = std::find_if(baselines_.begin(), baselines_.end(),
                                  [&now](const auto& b) { return same_place(b.cgroups, now.cgroups); });
  const auto index = static_cast<std::size_t>(known - baselines_.begin());
  if (known == baselines_.end()) {
    if (baselines_.size() == kMostBaselines) return before;
    baselines_.push_back(std::move(now));
  }
  if (places_.size() < kMostBaselines) places_.emplace(members_[pid].membership, index);
  return index;
}

const EnvironmentBaseline& CgroupWatch::place_of(pid_t pid) const {
  const auto member = members_.find(pid);
  return baselines_[member == members_.end() ? 0 : member->second.baseline];
}

EnvironmentBaseline CgroupWatch::baseline_of(pid_t pid) const {
  EnvironmentBaseline baseline = place_of(pid);
  baseline.machine = older_;
  return baseline;
}

void CgroupWatch::explain_kill(pid_t pid) {
  const auto member = members_.find(pid);
  EnvironmentBaseline& place = baselines_[member == members_.end() ? 0 : member->second.baseline];
  if (place.cgroup_oom_kills) ++*place.cgroup_oom_kills;
  // The machine counts it, too, in whichever of the two was read before it.
  newer_ = older_ = read_machine_oom_kills();
}

std::string CgroupWatch::unified_directory(pid_t pid) const {
  const auto& memory = place_of(pid).cgroups.memory;
  return memory && memory->v2 ? memory->directory : std::string();
}

std::optional<std::uint64_t> CgroupWatch::memory_limit(pid_t pid) const {
  const auto cgroup = read_cgroup(place_of(pid).cgroups);
  return cgroup ? cgroup->memory_limit : std::nullopt;
}

std::optional<std::uint64_t> CgroupWatch::memory_use(pid_t pid) const {
  const auto& memory = place_of(pid).cgroups.memory;
  if (!memory) return std::nullopt;
  return number_in(memory->directory + (memory->v2 ? "/memory.current" : "/memory.usage_in_bytes"));
}

}  // namespace segwhy
