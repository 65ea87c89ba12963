// What a process holds in memory now, by kind, and how much the machine waits for memory. Reads /proc; what is not
// there is absent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace segwhy {

struct MemoryParts {
  std::uint64_t resident = 0;
  std::optional<std::uint64_t> anonymous, file, shared;
};

// From the text of /proc/PID/status. nullopt: it shows no resident set (a zombie). Pure.
[[nodiscard]] std::optional<MemoryParts> parse_memory_parts(std::string_view status);

// nullopt when the process is gone.
[[nodiscard]] std::optional<MemoryParts> read_memory_parts(int pid);

// "some avg10=1.23 ..." of a PSI file: percent of the last ten seconds in which somebody waited for memory. Pure.
[[nodiscard]] std::optional<double> parse_pressure(std::string_view text);

// Of the cgroup directory when it tells (version 2), else of the machine.
[[nodiscard]] std::optional<double> read_memory_pressure(const std::string& cgroup_directory);

}  // namespace segwhy
