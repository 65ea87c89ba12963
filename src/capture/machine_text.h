// Single facts from the texts that describe a machine and a process. Pure, total on any input.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace segwhy {

// PRETTY_NAME of os-release, unquoted; empty when absent.
[[nodiscard]] std::string os_name(std::string_view os_release);

// "model name" of the first processor; empty when absent (other CPUs than x86 do not have it).
[[nodiscard]] std::string cpu_model(std::string_view cpuinfo);

// Threads of the whole machine: what follows the slash in /proc/loadavg.
[[nodiscard]] std::optional<std::uint64_t> tasks_of_machine(std::string_view loadavg);

// The first of the four ids in a status file's "Uid:" line.
[[nodiscard]] std::optional<std::string_view> real_uid(std::string_view status);

// Whether an environment variable may be kept: on the short list of names that matter (environment.h), and no secret by
// its name (Terraform, too, begins its names with TF_).
[[nodiscard]] bool keeps_variable(std::string_view name);

// Name of a filesystem by its statfs magic; "0x..." for one that is not known.
[[nodiscard]] std::string filesystem_name(std::uint64_t magic);

}  // namespace segwhy
