#include "monitor/pidfd.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/text.h"

namespace segwhy {
namespace {

// From linux/pidfd.h of 6.15, which the build machine's headers may lack. First published size.
struct PidfdInfo {
  std::uint64_t mask;
  std::uint64_t cgroup_id;
  std::uint32_t pid, tgid, ppid;
  std::uint32_t ids[8];
  std::int32_t exit_code;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr std::uint64_t kInfoExit = 1U << 3;
constexpr unsigned long kGetInfo = _IOWR(0xFF, 11, PidfdInfo);

// Fields of /proc/PID/stat from the third on ("comm" may hold anything, so what follows its last parenthesis).
struct ProcStat {
  std::string text;
  std::vector<std::string_view> fields;
};
constexpr std::size_t kStateField = 3, kStartField = 22, kExitCodeField = 52;

std::optional<ProcStat> read_stat(pid_t pid) {
  auto text = read_file("/proc/" + std::to_string(pid) + "/stat", 1 << 16);
  if (!text) return std::nullopt;
  ProcStat stat{std::move(*text), {}};
  const std::size_t end = stat.text.rfind(')');
  if (end == std::string::npos) return std::nullopt;
  stat.fields = split(trim(std::string_view(stat.text).substr(end + 1)), ' ');
  return stat;
}

std::string_view field(const ProcStat& stat, std::size_t number) {
  const std::size_t index = number - kStateField;
  return index < stat.fields.size() ? stat.fields[index] : std::string_view();
}

std::optional<int> zombie_status(pid_t pid) {
  const auto stat = read_stat(pid);
  if (!stat || field(*stat, kStateField) != "Z") return std::nullopt;
  const auto code = parse_number(field(*stat, kExitCodeField));
  // Without the right to see it the kernel shows 0, which would read as a success: take 0 only from the kernel's
  // record.
  if (!code || *code == 0) return std::nullopt;
  return static_cast<int>(*code);
}

std::optional<int> recorded_status(const Fd& pidfd) {
  PidfdInfo info{};
  info.mask = kInfoExit;
  if (::ioctl(pidfd.get(), kGetInfo, &info) != 0 || (info.mask & kInfoExit) == 0) return std::nullopt;
  return info.exit_code;
}

}  // namespace

Fd open_pidfd(pid_t pid) {
  return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

std::optional<int> ended_status(const Fd& pidfd, pid_t pid) {
  if (const auto status = recorded_status(pidfd)) return status;
  if (const auto status = zombie_status(pid)) return status;
  return recorded_status(pidfd);  // it was reaped in between
}

bool is_alive(const Fd& pidfd, pid_t pid) {
  if (!pidfd) return ::kill(pid, 0) == 0 || errno == EPERM;
  pollfd wait{pidfd.get(), POLLIN, 0};
  return ::poll(&wait, 1, 0) == 0;
}

std::optional<std::uint64_t> start_time_ns(pid_t pid) {
  const auto stat = read_stat(pid);
  if (!stat) return std::nullopt;
  const auto ticks = parse_number(field(*stat, kStartField));
  if (!ticks) return std::nullopt;
  return *ticks * (1'000'000'000ULL / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK)));
}

}  // namespace segwhy
