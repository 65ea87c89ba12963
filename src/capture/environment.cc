#include "capture/environment.h"

#include <dirent.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "base/clock.h"
#include "base/text.h"
#include "capture/limits_text.h"
#include "capture/machine_text.h"
#include "capture/procfs.h"

namespace segwhy {
namespace {

constexpr char kMountInfo[] = "/proc/self/mountinfo";

std::optional<std::uint64_t> number_in_file(const std::string& path) {
  return parse_number(trim(read_proc(path)));
}

std::optional<std::uint64_t> machine_oom_kills() {
  return parse_keyed_value(read_proc("/proc/vmstat"), "oom_kill");
}

CgroupDirectories cgroups_of(int pid) {
  return find_cgroup_directories(read_proc(proc_path(pid, "cgroup")), read_proc(kMountInfo));
}

// A dead process is shown in the root cgroup (v1), or not at all: then the one it was started in counts.
bool tells_less(const std::optional<CgroupDirectory>& now, const std::optional<CgroupDirectory>& before) {
  return before && (!now || (now->path == "/" && before->path != "/"));
}

CgroupDirectories cgroups_of(int pid, const EnvironmentBaseline& baseline) {
  CgroupDirectories where = cgroups_of(pid);
  if (tells_less(where.memory, baseline.cgroups.memory)) where.memory = baseline.cgroups.memory;
  if (tells_less(where.pids, baseline.cgroups.pids)) where.pids = baseline.cgroups.pids;
  return where;
}

struct CloseDirectory {
  void operator()(DIR* d) const { ::closedir(d); }
};

// Threads of all processes with this real user id: what RLIMIT_NPROC counts. nullopt when there are too many processes
// to look at in reasonable time, or none to see.
std::optional<std::uint64_t> threads_of_user(std::string_view uid) {
  constexpr int kMaxProcesses = 4096;
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir("/proc"));
  if (!directory) return std::nullopt;
  std::uint64_t threads = 0;
  int seen = 0;
  while (const dirent* entry = ::readdir(directory.get())) {  // NOLINT(concurrency-mt-unsafe): our own stream
    const auto pid = parse_number(entry->d_name);
    if (!pid) continue;
    if (++seen > kMaxProcesses) return std::nullopt;
    const std::string status = read_proc(proc_path(static_cast<int>(*pid), "status"));
    if (real_uid(status) == uid) threads += number_of(status, "Threads").value_or(0);
  }
  return seen > 0 ? std::optional(threads) : std::nullopt;
}

// Whether RLIMIT_NPROC may be near: not when the whole machine has far fewer threads than one user may. A look at every
// process takes milliseconds, while the program waits.
bool may_be_at_thread_limit(const Machine& machine) {
  const auto limit = machine.limits.find("nproc");
  if (limit == machine.limits.end() || !limit->second.soft) return false;
  const auto tasks = tasks_of_machine(read_proc("/proc/loadavg"));
  constexpr std::uint64_t kFar = 512;
  return !tasks || *tasks + kFar >= *limit->second.soft;
}

void read_kernel(Machine& machine) {
  utsname name{};
  if (::uname(&name) == 0) machine.kernel = name.release;
  machine.os = os_name(read_proc("/etc/os-release"));
  if (machine.os.empty()) machine.os = os_name(read_proc("/usr/lib/os-release"));
  machine.cpu = cpu_model(read_start("/proc/cpuinfo", 4096));
  const long cpus = ::sysconf(_SC_NPROCESSORS_ONLN);
  if (cpus > 0) machine.cpus = static_cast<std::uint32_t>(cpus);
  const auto overcommit = number_in_file("/proc/sys/vm/overcommit_memory");
  if (overcommit && *overcommit <= 2) machine.overcommit = static_cast<int>(*overcommit);
  machine.threads_max = number_in_file("/proc/sys/kernel/threads-max");
  machine.pid_max = number_in_file("/proc/sys/kernel/pid_max");
  machine.mappings_max = number_in_file("/proc/sys/vm/max_map_count");
}

void read_memory(Machine& machine) {
  const std::string text = read_proc("/proc/meminfo");
  machine.memory_total = number_of(text, "MemTotal");
  machine.memory_available = number_of(text, "MemAvailable");
  machine.swap_total = number_of(text, "SwapTotal");
  machine.swap_free = number_of(text, "SwapFree");
}

// What only a process that still exists has.
void read_process(int pid, Machine& machine) {
  machine.limits = parse_limits(read_proc(proc_path(pid, "limits")));
  const std::string status = read_proc(proc_path(pid, "status"));
  machine.threads = number_of(status, "Threads");
  machine.peak_rss = number_of(status, "VmHWM");
  const auto uid = real_uid(status);
  if (uid && may_be_at_thread_limit(machine)) machine.user_threads = threads_of_user(*uid);
  const std::string maps = read_proc(proc_path(pid, "maps"));
  if (!maps.empty()) machine.mappings = static_cast<std::uint64_t>(std::count(maps.begin(), maps.end(), '\n'));
}

void read_shared_memory(int pid, Machine& machine) {
  struct statvfs space {};
  const bool known =
      ::statvfs(proc_path(pid, "root/dev/shm").c_str(), &space) == 0 || ::statvfs("/dev/shm", &space) == 0;
  if (!known) return;
  machine.shm_total = std::uint64_t{space.f_blocks} * space.f_frsize;
  machine.shm_free = std::uint64_t{space.f_bavail} * space.f_frsize;
}

}  // namespace

MachineOomKills read_machine_oom_kills() {
  return {machine_oom_kills(), monotonic_ns()};
}

EnvironmentBaseline read_baseline(int pid) {
  EnvironmentBaseline baseline;
  baseline.machine = read_machine_oom_kills();
  baseline.cgroups = cgroups_of(pid);
  const CgroupCounters counters = read_cgroup_counters(baseline.cgroups);
  baseline.cgroup_oom_kills = counters.oom_kills;
  baseline.pids_refused = counters.pids_refused;
  if (baseline.cgroups.memory) baseline.cgroup_path = baseline.cgroups.memory->path;
  return baseline;
}

Machine read_machine(int pid, const EnvironmentBaseline& baseline) {
  Machine machine;
  read_kernel(machine);
  read_memory(machine);
  read_process(pid, machine);
  read_shared_memory(pid, machine);
  machine.oom_kills_before = baseline.machine.count;
  machine.oom_kills_after = machine_oom_kills();
  if (baseline.machine.read_ns != 0)
    machine.oom_kills_window_s = static_cast<double>(monotonic_ns() - baseline.machine.read_ns) / 1e9;
  const CgroupDirectories where = cgroups_of(pid, baseline);
  machine.cgroup = read_cgroup(where);
  if (!machine.cgroup) return machine;
  // Counters of two different cgroups do not compare.
  const auto same = [](const auto& now, const auto& before) {
    return now && before && now->directory == before->directory;
  };
  if (same(where.memory, baseline.cgroups.memory)) machine.cgroup->oom_kills_before = baseline.cgroup_oom_kills;
  if (same(where.pids, baseline.cgroups.pids)) machine.cgroup->pids_refused_before = baseline.pids_refused;
  return machine;
}

std::string process_name(int pid) {
  return pid > 0 ? to_valid_utf8(trim(read_proc(proc_path(pid, "comm")))) : std::string();
}

std::optional<std::uint64_t> read_rss(int pid) {
  return number_of(read_proc(proc_path(pid, "status")), "VmRSS");
}

}  // namespace segwhy
