// Facts about the machine and a process that are not in its memory: limits, cgroup, counters, memory use.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "capture/cgroup.h"
#include "evidence/model/case.h"
#include "evidence/model/snapshot.h"

namespace segwhy {

// Kills for want of memory on the whole machine (/proc/vmstat oom_kill), and when they were counted.
struct MachineOomKills {
  std::optional<std::uint64_t> count;
  std::uint64_t read_ns = 0;  // CLOCK_MONOTONIC
};

// Counters that matter as differences: taken before the program starts and again after its death.
struct EnvironmentBaseline {
  MachineOomKills machine;
  std::optional<std::uint64_t> cgroup_oom_kills;  // memory.events oom_kill (v2) or memory.oom_control (v1)
  std::optional<std::uint64_t> pids_refused;      // pids.events max
  std::string cgroup_path;
  CgroupDirectories cgroups;  // where the counters were read
};

[[nodiscard]] EnvironmentBaseline read_baseline(int pid);

[[nodiscard]] MachineOomKills read_machine_oom_kills();

// Machine and limits of process `pid` (as far as it still exists); `baseline` supplies the *_before fields.
[[nodiscard]] Machine read_machine(int pid, const EnvironmentBaseline& baseline);

// Command line, working directory, executable and the environment variables that matter (names: OMP_*, TF_*, MALLOC_*,
// LD_*, PYTHON*, KMP_*, MKL_*, OPENBLAS_*, CUDA_*, XLA_*, NUMBA_*, GLIBC_TUNABLES). Values of other variables are never
// read out.
[[nodiscard]] Program read_program(int pid);

// What the kernel calls the process (comm); empty when it is gone.
[[nodiscard]] std::string process_name(int pid);

// Resident set of one process, bytes; nullopt when it is gone.
[[nodiscard]] std::optional<std::uint64_t> read_rss(int pid);

// Fills file_size, filesystem and section of a mapping that has a path, as seen under `root`. The section is the one
// that holds `address` when that lies in the mapping, else the one that makes up most of the mapping.
void describe_mapped_file(MappingInfo& mapping, const std::string& root, std::optional<Address> address = {});

// The same of a file that the live process `pid` has mapped and that has no name any more (a deleted file, a memfd):
// found through /proc/PID/map_files, or, where the kernel grants that to root only, through a descriptor on the same
// file. Fills file_size and filesystem_free; leaves them as they are when no way leads to the file.
void describe_nameless_file(MappingInfo& info, const Mapping& mapping, int pid);

}  // namespace segwhy
