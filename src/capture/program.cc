#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "capture/environment.h"
#include "capture/machine_text.h"
#include "capture/procfs.h"

namespace segwhy {
namespace {

// Seconds since the process was started (by fork, for one that has not called exec since).
std::optional<double> age_of(int pid) {
  const auto stat = parse_stat(read_proc(proc_path(pid, "stat")));
  const std::string uptime = read_proc("/proc/uptime");
  // "12345.67 4567.89": whole seconds and hundredths, apart, so that no locale has a say.
  const std::string_view now = std::string_view(uptime).substr(0, uptime.find(' '));
  const auto seconds = parse_number(now.substr(0, now.find('.')));
  const auto hundredths = now.find('.') == std::string_view::npos ? std::optional<std::uint64_t>(0)
                                                                  : parse_number(now.substr(now.find('.') + 1));
  const long ticks = ::sysconf(_SC_CLK_TCK);
  if (!stat || !seconds || !hundredths || ticks <= 0) return std::nullopt;
  const double up = static_cast<double>(*seconds) + static_cast<double>(*hundredths) / 100;
  return std::max(0.0, up - static_cast<double>(stat->start_ticks) / static_cast<double>(ticks));
}

}  // namespace

Program read_program(int pid) {
  Program program;
  program.pid = pid;
  for (const std::string& word : split_nul(read_proc(proc_path(pid, "cmdline")))) {
    program.argv.push_back(to_valid_utf8(word));
  }
  program.cwd = to_valid_utf8(read_link(proc_path(pid, "cwd")));
  program.executable = to_valid_utf8(read_link(proc_path(pid, "exe")));
  program.age_s = age_of(pid);
  for (const std::string& entry : split_nul(read_proc(proc_path(pid, "environ")))) {
    const auto equals = entry.find('=');
    if (equals == std::string::npos || !keeps_variable(entry.substr(0, equals))) continue;
    program.environment[to_valid_utf8(entry.substr(0, equals))] = to_valid_utf8(entry.substr(equals + 1));
  }
  return program;
}

}  // namespace segwhy
