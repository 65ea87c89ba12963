// Where a process's cgroup is and what it allows: cgroup v1, v2 and both at once (hybrid).
//
// The text decoders are pure and total; read_cgroup and read_cgroup_counters read under a root directory, so that tests
// can lay out a hierarchy of their own. What is not there is absent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evidence/model/case.h"

namespace segwhy {

// One line of /proc/PID/cgroup.
struct CgroupMembership {
  std::vector<std::string> controllers;  // empty: the v2 hierarchy
  std::string path;                      // relative to the reader's cgroup namespace
};
[[nodiscard]] std::vector<CgroupMembership> parse_cgroup_membership(std::string_view text);

// One mounted hierarchy of /proc/PID/mountinfo.
struct CgroupMount {
  std::string root;  // the cgroup that is mounted there
  std::string mount_point;
  bool v2 = false;
  std::vector<std::string> controllers;  // v1: super options; empty for v2
};
[[nodiscard]] std::vector<CgroupMount> parse_cgroup_mounts(std::string_view mountinfo);

// A process's cgroup directory of one controller, and the mount it is under (the walk up to the root ends there).
struct CgroupDirectory {
  std::string directory;
  std::string mount_point;
  std::string path;  // as in /proc/PID/cgroup
  bool v2 = false;
};
// By names alone; the directory may not exist (another cgroup namespace). Pure.
[[nodiscard]] std::optional<CgroupDirectory> find_cgroup(const std::vector<CgroupMembership>& memberships,
                                                         const std::vector<CgroupMount>& mounts,
                                                         std::string_view controller);

// "max" and v1's page-rounded LONG_MAX mean no limit.
[[nodiscard]] std::optional<std::uint64_t> parse_cgroup_limit(std::string_view text);

// Value of "key N" in a flat keyed file: memory.events, memory.oom_control, memory.stat, pids.events, vmstat.
[[nodiscard]] std::optional<std::uint64_t> parse_keyed_value(std::string_view text, std::string_view key);

// Directories of the memory and pids controllers, the nearest that exist; absent when a controller is not mounted.
struct CgroupDirectories {
  std::optional<CgroupDirectory> memory, pids;
};
[[nodiscard]] CgroupDirectories find_cgroup_directories(std::string_view membership, std::string_view mountinfo);

// Counters that matter as differences, of the process's own cgroup.
struct CgroupCounters {
  std::optional<std::uint64_t> oom_kills, pids_refused;
};
[[nodiscard]] CgroupCounters read_cgroup_counters(const CgroupDirectories& where);

// Limits: the tightest of the cgroup and its ancestors; memory_current and memory_peak are of the cgroup that has that
// limit (its own without one), so that they compare. The *_after counters are filled, the *_before ones not. nullopt
// when neither controller is there.
[[nodiscard]] std::optional<Cgroup> read_cgroup(const CgroupDirectories& where);

}  // namespace segwhy
