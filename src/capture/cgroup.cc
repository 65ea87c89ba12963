#include "capture/cgroup.h"

#include <sys/stat.h>

#include <algorithm>

#include "base/text.h"
#include "capture/procfs.h"

namespace segwhy {
namespace {

std::vector<std::string> to_strings(const std::vector<std::string_view>& views) {
  return {views.begin(), views.end()};
}

bool has(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

// mountinfo writes blanks, tabs, newlines and backslashes as \ooo.
std::string unescape_octal(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto code = text[i] == '\\' ? parse_number(text.substr(i + 1, 3), 8) : std::nullopt;
    if (code && *code < 256 && i + 3 < text.size()) {
      out += static_cast<char>(*code);
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::optional<CgroupMount> parse_mount(std::string_view line) {
  // ID PARENT DEV ROOT MOUNT_POINT OPTIONS [OPTIONAL...] - TYPE SOURCE SUPER_OPTIONS
  const auto fields = split(line, ' ');
  const auto dash = std::find(fields.begin(), fields.end(), "-");
  if (dash - fields.begin() < 6 || fields.end() - dash < 4) return std::nullopt;
  CgroupMount mount;
  mount.v2 = dash[1] == "cgroup2";
  if (!mount.v2 && dash[1] != "cgroup") return std::nullopt;
  mount.root = unescape_octal(fields[3]);
  mount.mount_point = unescape_octal(fields[4]);
  if (!mount.v2) mount.controllers = to_strings(split(dash[3], ','));
  return mount;
}

// The part of `path` below `root`; nullopt when it is not below it.
std::optional<std::string> below(const std::string& path, const std::string& root) {
  if (path.find("/..") != std::string::npos) return std::nullopt;  // outside the reader's cgroup namespace
  if (root == "/") return path == "/" ? std::string() : path;
  if (path == root) return std::string();
  if (path.starts_with(root) && path[root.size()] == '/') return path.substr(root.size());
  return std::nullopt;
}

bool is_directory(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

// One step towards the mount point; false at it.
bool go_up(std::string& directory, const std::string& mount_point) {
  if (directory.size() <= mount_point.size()) return false;
  directory.resize(directory.rfind('/'));
  return true;
}

// In a container without a cgroup namespace of its own, the names in /proc/PID/cgroup are the host's, whose lower part
// may be what is mounted here.
std::optional<CgroupDirectory> nearest_existing(std::optional<CgroupDirectory> where) {
  if (!where) return where;
  while (!is_directory(where->directory)) {
    if (!go_up(where->directory, where->mount_point)) return std::nullopt;
  }
  return where;
}

std::string read_in(const std::string& directory, std::string_view file) {
  return read_proc(std::string(directory).append("/").append(file));
}

std::optional<std::uint64_t> number_in(const std::string& directory, std::string_view file) {
  return parse_number(trim(read_in(directory, file)));
}

struct TightestLimit {
  std::optional<std::uint64_t> limit;
  std::string directory;  // that has it; the process's own without a limit
};

TightestLimit tightest(const CgroupDirectory& where, std::string_view file) {
  TightestLimit best{std::nullopt, where.directory};
  std::string directory = where.directory;
  do {
    const auto limit = parse_cgroup_limit(read_in(directory, file));
    if (limit && (!best.limit || *limit < *best.limit)) best = {limit, directory};
  } while (go_up(directory, where.mount_point));
  return best;
}

void read_memory(const CgroupDirectory& where, Cgroup& out) {
  const TightestLimit best = tightest(where, where.v2 ? "memory.max" : "memory.limit_in_bytes");
  out.memory_limit = best.limit;
  out.memory_current = number_in(best.directory, where.v2 ? "memory.current" : "memory.usage_in_bytes");
  out.memory_peak = number_in(best.directory, where.v2 ? "memory.peak" : "memory.max_usage_in_bytes");
  if (where.v2) return;
  // v1 also knows of limits above what is mounted here.
  const auto above = parse_keyed_value(read_in(where.directory, "memory.stat"), "hierarchical_memory_limit");
  const auto limit = above ? parse_cgroup_limit(std::to_string(*above)) : std::nullopt;
  if (limit && (!out.memory_limit || *limit < *out.memory_limit)) out.memory_limit = limit;
}

}  // namespace

std::vector<CgroupMembership> parse_cgroup_membership(std::string_view text) {
  std::vector<CgroupMembership> out;
  for (std::string_view line : split(text, '\n')) {
    const auto first = line.find(':');
    const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos || second + 1 >= line.size() || line[second + 1] != '/') continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    CgroupMembership& entry = out.emplace_back();
    if (!controllers.empty()) entry.controllers = to_strings(split(controllers, ','));
    std::string_view path = line.substr(second + 1);
    constexpr std::string_view kDeleted = " (deleted)";
    if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
    entry.path = path;
  }
  return out;
}

std::vector<CgroupMount> parse_cgroup_mounts(std::string_view mountinfo) {
  std::vector<CgroupMount> out;
  for (const std::string_view line : split(mountinfo, '\n')) {
    if (auto mount = parse_mount(line)) out.push_back(std::move(*mount));
  }
  return out;
}

std::optional<CgroupDirectory> find_cgroup(const std::vector<CgroupMembership>& memberships,
                                           const std::vector<CgroupMount>& mounts, std::string_view controller) {
  // A controller is in one hierarchy only: v1's if it is listed there.
  auto member = std::find_if(memberships.begin(), memberships.end(),
                             [&](const CgroupMembership& m) { return has(m.controllers, controller); });
  const bool v2 = member == memberships.end();
  if (v2) {
    member = std::find_if(memberships.begin(), memberships.end(),
                          [](const CgroupMembership& m) { return m.controllers.empty(); });
  }
  if (member == memberships.end()) return std::nullopt;
  for (const CgroupMount& mount : mounts) {
    if (mount.v2 != v2 || (!v2 && !has(mount.controllers, controller))) continue;
    const auto rest = below(member->path, mount.root);
    return CgroupDirectory{mount.mount_point + rest.value_or(""), mount.mount_point, member->path, v2};
  }
  return std::nullopt;
}

std::optional<std::uint64_t> parse_cgroup_limit(std::string_view text) {
  const auto limit = parse_number(trim(text));
  constexpr std::uint64_t kUnlimited = std::uint64_t{1} << 62;
  return limit && *limit < kUnlimited ? limit : std::nullopt;
}

std::optional<std::uint64_t> parse_keyed_value(std::string_view text, std::string_view key) {
  for (const std::string_view line : split(text, '\n')) {
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ') {
      return parse_number(trim(line.substr(key.size())));
    }
  }
  return std::nullopt;
}

CgroupDirectories find_cgroup_directories(std::string_view membership, std::string_view mountinfo) {
  const auto memberships = parse_cgroup_membership(membership);
  const auto mounts = parse_cgroup_mounts(mountinfo);
  return {nearest_existing(find_cgroup(memberships, mounts, "memory")),
          nearest_existing(find_cgroup(memberships, mounts, "pids"))};
}

CgroupCounters read_cgroup_counters(const CgroupDirectories& where) {
  CgroupCounters out;
  if (where.memory) {
    const char* file = where.memory->v2 ? "memory.events" : "memory.oom_control";
    out.oom_kills = parse_keyed_value(read_in(where.memory->directory, file), "oom_kill");
  }
  if (where.pids) out.pids_refused = parse_keyed_value(read_in(where.pids->directory, "pids.events"), "max");
  return out;
}

std::optional<Cgroup> read_cgroup(const CgroupDirectories& where) {
  if (!where.memory && !where.pids) return std::nullopt;
  const CgroupDirectory& main = where.memory ? *where.memory : *where.pids;
  Cgroup out;
  out.path = main.path;
  out.version = main.v2 ? "2" : "1";
  if (where.memory) read_memory(*where.memory, out);
  if (where.pids) {
    const TightestLimit best = tightest(*where.pids, "pids.max");
    out.pids_limit = best.limit;
    out.pids_current = number_in(best.directory, "pids.current");
  }
  const CgroupCounters counters = read_cgroup_counters(where);
  out.oom_kills_after = counters.oom_kills;
  out.pids_refused_after = counters.pids_refused;
  return out;
}

}  // namespace segwhy
