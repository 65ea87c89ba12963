#include "monitor/process_table.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "monitor/area_file.h"
#include "monitor/membership.h"
#include "monitor/pidfd.h"

namespace segwhy {
namespace {

// A process killed while it filled its record leaves the slot claimed for ever; filling takes microseconds.
constexpr std::uint64_t kClaimTimeoutNs = 5'000'000'000;

wire::ProcessRecord copy_record(const wire::ProcessRecord& from) {
  wire::ProcessRecord copy;
  std::memcpy(&copy, &from, sizeof copy);
  return copy;
}

}  // namespace

void ProcessTable::add_known(pid_t pid, std::uint64_t now_ns) {
  if (find(pid) != nullptr) return;
  TrackedProcess root;
  root.pid = pid;
  root.pidfd = open_pidfd(pid);
  root.seen_ns = now_ns;
  live_.push_back(std::move(root));
}

TrackedProcess* ProcessTable::find(pid_t pid) {
  const auto it = std::find_if(live_.begin(), live_.end(), [pid](const TrackedProcess& p) { return p.pid == pid; });
  return it == live_.end() ? nullptr : &*it;
}

void ProcessTable::take_over_records(std::uint64_t now_ns) {
  for (std::uint32_t slot = 0; slot < wire::kMaxProcesses; ++slot) {
    wire::ProcessRecord& record = session_.memory().processes[slot];
    const std::uint32_t state = load_word(record.state);
    if (state == wire::kProcessLive) take_over(slot, now_ns);
    if (state != wire::kProcessClaimed) {
      claimed_since_[slot] = 0;
    } else if (claimed_since_[slot] == 0) {
      claimed_since_[slot] = now_ns;
    } else if (now_ns > claimed_since_[slot] + kClaimTimeoutNs) {
      replace_word(record.state, wire::kProcessClaimed, wire::kProcessFree);
    }
  }
}

void ProcessTable::take_over(std::uint32_t slot, std::uint64_t now_ns) {
  const wire::ProcessRecord record = copy_record(session_.memory().processes[slot]);
  const auto pid = static_cast<pid_t>(record.pid);
  if (pid <= 0) {
    free_slot(slot, record.pid);
    return;
  }
  if (TrackedProcess* known = find(pid)) {
    // An exec'd image cannot find its old slot and claims another: the later one is in force.
    if (known->slot != slot && known->slot < wire::kMaxProcesses) {
      const bool newer = record.start_ns >= known->record.start_ns;
      free_slot(newer ? known->slot : slot, record.pid);
      if (!newer) return;
    }
    if (known->record.generation != record.generation || known->slot != slot) known->program.reset();
    known->slot = slot;
    known->record = record;
    return;
  }
  if (out_of_reach_[slot] == record.generation && record.generation != 0) return;
  TrackedProcess process;
  process.pid = pid;
  process.pidfd = open_pidfd(pid);
  // Held by the pidfd, the number cannot be reused between this look and the next use. What has ended meanwhile is ours
  // to retire.
  if (process.pidfd && !is_writer(record, session_) && is_alive(process.pidfd, pid)) {
    out_of_reach_[slot] = record.generation;
    return;
  }
  process.record = record;
  process.slot = slot;
  process.seen_ns = now_ns;
  live_.push_back(std::move(process));
}

void ProcessTable::free_slot(std::uint32_t slot, std::uint32_t pid) {
  wire::ProcessRecord& record = session_.memory().processes[slot];
  if (record.pid != pid) return;  // claimed anew
  const std::uint32_t ring = load_word(record.ring);
  if (ring > 0 && ring <= wire::kMaxRings) replace_word(session_.memory().rings[ring - 1].owner_pid, pid, 0);
  const bool has_areas = session_.memory().areas_offset != 0;
  replace_word(record.state, wire::kProcessLive, has_areas ? wire::kProcessKept : wire::kProcessFree);
}

// A slot is still needed while the area of a live process, or of one that is needed itself, names it as its parent's.
void ProcessTable::free_kept_slots() {
  if (session_.memory().areas_offset == 0) return;
  std::array<bool, wire::kMaxProcesses> needed{};
  std::vector<std::uint32_t> open;
  std::vector<std::uint32_t> kept;
  for (std::uint32_t slot = 0; slot < wire::kMaxProcesses; ++slot) {
    const std::uint32_t state = load_word(session_.memory().processes[slot].state);
    if (state == wire::kProcessKept) kept.push_back(slot);
    if (state == wire::kProcessLive || state == wire::kProcessClaimed) open.push_back(slot);
  }
  while (!open.empty() && !kept.empty()) {
    const auto area = read_area_header(session_, open.back());
    open.pop_back();
    if (!area || area->parent.record == 0 || area->parent.record > wire::kMaxProcesses) continue;
    const std::uint32_t parent = area->parent.record - 1;
    if (!std::exchange(needed.at(parent), true)) open.push_back(parent);
  }
  for (const std::uint32_t slot : kept) {
    if (needed.at(slot)) continue;
    discard_area(session_, slot);
    replace_word(session_.memory().processes[slot].state, wire::kProcessKept, wire::kProcessFree);
  }
}

EndedProcess ProcessTable::retire(TrackedProcess process) {
  EndedProcess ended;
  ended.status = ended_status(process.pidfd, process.pid);
  if (process.slot < wire::kMaxProcesses) {
    const wire::ProcessRecord last = copy_record(session_.memory().processes[process.slot]);
    if (last.pid == process.record.pid) process.record = last;
    ended.stderr_tail = read_stderr_ring(session_.memory(), process.record.ring, process.record.pid);
    free_slot(process.slot, process.record.pid);
  }
  ended.process = std::move(process);
  return ended;
}

std::vector<EndedProcess> ProcessTable::update(std::uint64_t now_ns) {
  free_kept_slots();
  take_over_records(now_ns);
  std::vector<pollfd> waits;
  waits.reserve(live_.size());
  for (const TrackedProcess& process : live_) waits.push_back({process.pidfd.get(), POLLIN, 0});
  ::poll(waits.data(), waits.size(), 0);
  std::vector<EndedProcess> ended;
  std::vector<TrackedProcess> still;
  still.reserve(live_.size());
  for (std::size_t i = 0; i < live_.size(); ++i) {
    const bool alive = live_[i].pidfd ? waits[i].revents == 0 : is_alive(live_[i].pidfd, live_[i].pid);
    if (alive)
      still.push_back(std::move(live_[i]));
    else
      ended.push_back(retire(std::move(live_[i])));
  }
  live_ = std::move(still);
  return ended;
}

std::optional<EndedProcess> ProcessTable::remove(pid_t pid) {
  TrackedProcess* const known = find(pid);
  if (known == nullptr) return std::nullopt;
  EndedProcess ended = retire(std::move(*known));
  live_.erase(live_.begin() + (known - live_.data()));
  return ended;
}

std::optional<int> ProcessTable::status_from_parents(pid_t pid) const {
  for (const TrackedProcess& process : live_) {
    if (process.slot >= wire::kMaxProcesses) continue;
    for (const wire::ChildStatus& child : session_.memory().processes[process.slot].children)
      if (child.pid == static_cast<std::uint32_t>(pid)) return child.status;
  }
  return std::nullopt;
}

}  // namespace segwhy
