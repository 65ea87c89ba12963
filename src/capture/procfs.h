// What /proc says about a process, for a snapshot: pure parsers, and the reading. Everything degrades to "absent":
// the process may end at any moment, belong to another user, or /proc may not be mounted.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace segwhy {

// "/proc/PID/NAME", "/proc/PID/task/TID/NAME".
[[nodiscard]] std::string proc_path(int pid, std::string_view name);
[[nodiscard]] std::string task_path(int pid, int tid, std::string_view name);

// The file's text; empty when it cannot be read.
[[nodiscard]] std::string read_proc(const std::string& path);
// The first bytes of it, `size` at most.
[[nodiscard]] std::string read_start(const std::string& path, std::size_t size);
// Target of a link, without " (deleted)"; empty when it cannot be read.
[[nodiscard]] std::string read_link(const std::string& path);

// Thread ids, ascending; empty when the process is gone or hidden.
[[nodiscard]] std::vector<int> list_tasks(int pid);

// Value of line "KEY:\tVALUE" (status, cpuinfo, meminfo), trimmed.
[[nodiscard]] std::optional<std::string_view> field_of(std::string_view text, std::string_view key);
// Leading number of such a value; "kB" multiplies by 1024.
[[nodiscard]] std::optional<std::uint64_t> number_of(std::string_view text, std::string_view key);

// The state letter and the start time (clock ticks since boot) of /proc/PID/stat, whose second field, the name, may
// contain anything.
struct ProcStat {
  char state = 0;
  std::uint64_t start_ticks = 0;
};
[[nodiscard]] std::optional<ProcStat> parse_stat(std::string_view text);

// False when the process or thread is a zombie or gone (without /proc a zombie counts as alive).
[[nodiscard]] bool is_alive(int pid);

// Words of a NUL-separated file (cmdline, environ).
[[nodiscard]] std::vector<std::string> split_nul(std::string_view text);

// Prefix under which the process's paths are to be opened by us: "" when it sees the same files, else /proc/PID/root.
[[nodiscard]] std::string root_of(int pid);

}  // namespace segwhy
