#include "monitor/sampling.h"

#include <algorithm>

#include "base/clock.h"
#include "capture/environment.h"
#include "capture/run_delay.h"

namespace segwhy {
namespace {

constexpr std::uint64_t kShortestNs = 10'000'000;
constexpr std::uint64_t kLongestNs = 1'000'000'000;
constexpr std::uint64_t kCostFactor = 1000, kFineCostFactor = 50;
// What a fine one may spend ahead of time: a short run is looked at as often as its memory moves.
constexpr std::uint64_t kCreditNs = 60'000'000;
// However much it has spent, it looks again after this and ten times what the look took: a gap in the series is worse.
constexpr std::uint64_t kLongestFineNs = 100'000'000, kDearFactor = 10;
// It looks at a run of any length this often at least, as far as the cost allows.
constexpr std::uint64_t kLeastLooks = 200;
// What counts as moving: this much, or this share of the whole.
constexpr std::uint64_t kMovingBytes = 8 << 20;
constexpr std::uint64_t kMovingShare = 64;
constexpr std::size_t kProcessesPerSample = 8;

}  // namespace

std::uint64_t SamplePace::next_interval(std::uint64_t bytes, std::uint64_t cost_ns, std::uint64_t age_ns) {
  const std::uint64_t change = bytes > last_bytes_ ? bytes - last_bytes_ : last_bytes_ - bytes;
  const bool moving = change >= std::min(kMovingBytes, std::max<std::uint64_t>(bytes / kMovingShare, 1));
  last_bytes_ = bytes;
  const std::uint64_t quicker = fine_ ? kShortestNs : interval_ns_ / 2;
  interval_ns_ = moving ? quicker : interval_ns_ + interval_ns_ / 2;
  const std::uint64_t longest = fine_ ? std::clamp(age_ns / kLeastLooks, kShortestNs, kLongestNs) : kLongestNs;
  interval_ns_ = std::clamp(interval_ns_, kShortestNs, longest);
  if (!fine_) return std::max(interval_ns_, cost_ns * kCostFactor);
  // As if the next look cost what this one did: when it is paid for.
  spent_ns_ += cost_ns;
  const std::uint64_t unpaid = spent_ns_ + cost_ns > kCreditNs ? spent_ns_ + cost_ns - kCreditNs : 0;
  const std::uint64_t paid_at = unpaid * kFineCostFactor;
  const std::uint64_t unpaid_ns = paid_at > age_ns ? paid_at - age_ns : 0;
  return std::max(interval_ns_, std::min(unpaid_ns, kLongestFineNs + cost_ns * kDearFactor));
}

void SampleHistory::add(TreeSample sample) {
  if (samples_.size() == kCapacity) {
    // Every second one of the older three quarters goes, so that each pass halves the resolution of what is long ago.
    constexpr std::size_t kOlder = kCapacity / 4 * 3;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < samples_.size(); ++i)
      if (i >= kOlder || i % 2 == 0) std::swap(samples_[kept++], samples_[i]);
    samples_.resize(kept);
  }
  samples_.push_back(std::move(sample));
}

int MemorySampler::sample_if_due(const std::vector<pid_t>& processes, const std::function<void()>& also) {
  const std::uint64_t now = monotonic_ns();
  if (now >= due_ns_) {
    const std::uint64_t spent = thread_cpu_ns();
    TreeSample sample = look(processes, now);
    const std::uint64_t bytes = sample.tree_rss;
    // What looks may take is a share of the time that the program had, not of what others on the machine took from it.
    const std::uint64_t age = now - start_ns_;
    const std::uint64_t kept_waiting =
        fine_ && !sample.processes.empty() ? read_run_delay_ns(sample.processes.front().pid) : 0;
    if (!sample.processes.empty()) history_.add(std::move(sample));
    if (also) also();
    due_ns_ = monotonic_ns() + pace_.next_interval(bytes, thread_cpu_ns() - spent, age - std::min(age, kept_waiting));
  }
  constexpr std::uint64_t kNsPerMs = 1'000'000;
  return static_cast<int>((due_ns_ - std::min(due_ns_, now)) / kNsPerMs) + 1;
}

std::optional<MemoryParts> MemorySampler::parts_of(pid_t pid) const {
  if (fine_) return read_memory_parts(pid);
  const auto resident = read_rss(pid);
  return resident ? std::optional(MemoryParts{*resident, {}, {}, {}}) : std::nullopt;
}

TreeSample MemorySampler::look(const std::vector<pid_t>& processes, std::uint64_t now_ns) {
  TreeSample sample;
  sample.at_ns = now_ns - start_ns_;
  for (const pid_t pid : processes) {
    const auto parts = parts_of(pid);
    if (!parts) continue;
    sample.tree_rss += parts->resident;
    sample.processes.push_back({pid, *parts});
  }
  std::sort(sample.processes.begin(), sample.processes.end(),
            [](const auto& a, const auto& b) { return a.parts.resident > b.parts.resident; });
  if (sample.processes.size() > kProcessesPerSample) sample.processes.resize(kProcessesPerSample);
  cgroups_.follow(processes);
  if (sample.processes.empty()) return sample;
  sample.cgroup = cgroups_.memory_use(sample.processes.front().pid);
  if (fine_) look_at_surroundings(sample.processes.front().pid, now_ns);
  sample.pressure = pressure_;
  return sample;
}

void MemorySampler::look_at_surroundings(pid_t pid, std::uint64_t now_ns) {
  constexpr std::uint64_t kIntervalNs = 1'000'000'000;
  if (limit_read_ns_ != 0 && now_ns < limit_read_ns_ + kIntervalNs) return;
  limit_read_ns_ = now_ns;
  limit_ = cgroups_.memory_limit(pid);
  pressure_ = read_memory_pressure(cgroups_.unified_directory(pid));
}

std::vector<MemorySample> MemorySampler::samples_of(pid_t pid) const {
  std::vector<MemorySample> out;
  for (const TreeSample& sample : history_.samples()) {
    MemorySample seen;
    seen.at_s = static_cast<double>(sample.at_ns) / 1e9;
    seen.tree_rss = sample.tree_rss;
    seen.cgroup = sample.cgroup;
    seen.pressure = sample.pressure;
    for (const ProcessSample& process : sample.processes) {
      if (process.pid != pid) continue;
      seen.rss = process.parts.resident;
      seen.anonymous = process.parts.anonymous;
      seen.file = process.parts.file;
      seen.shared = process.parts.shared;
    }
    if (seen.rss != 0) out.push_back(seen);
  }
  return out;
}

std::optional<std::uint64_t> MemorySampler::peak_of(pid_t pid) const {
  std::optional<std::uint64_t> peak;
  for (const TreeSample& sample : history_.samples())
    for (const ProcessSample& process : sample.processes)
      if (process.pid == pid) peak = std::max(peak.value_or(0), process.parts.resident);
  return peak;
}

}  // namespace segwhy
