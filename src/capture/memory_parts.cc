#include "capture/memory_parts.h"

#include <cmath>
#include <cstdlib>

#include "base/text.h"
#include "capture/machine_text.h"
#include "capture/procfs.h"

namespace segwhy {

std::optional<MemoryParts> parse_memory_parts(std::string_view status) {
  const auto resident = number_of(status, "VmRSS");
  if (!resident) return std::nullopt;
  return MemoryParts{*resident, number_of(status, "RssAnon"), number_of(status, "RssFile"),
                     number_of(status, "RssShmem")};
}

std::optional<MemoryParts> read_memory_parts(int pid) {
  return parse_memory_parts(read_proc(proc_path(pid, "status")));
}

std::optional<double> parse_pressure(std::string_view text) {
  constexpr std::string_view kKey = "some avg10=";
  if (!text.starts_with(kKey)) return std::nullopt;
  const std::string number(text.substr(kKey.size(), text.find(' ', kKey.size()) - kKey.size()));
  char* end = nullptr;
  const double value = std::strtod(number.c_str(), &end);
  constexpr double kMost = 100;
  const bool valid = end != number.c_str() && *end == '\0' && std::isfinite(value) && value >= 0 && value <= kMost;
  return valid ? std::optional(value) : std::nullopt;
}

std::optional<double> read_memory_pressure(const std::string& cgroup_directory) {
  if (!cgroup_directory.empty())
    if (const auto own = parse_pressure(read_proc(cgroup_directory + "/memory.pressure"))) return own;
  return parse_pressure(read_proc("/proc/pressure/memory"));
}

}  // namespace segwhy
