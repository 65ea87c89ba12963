#include "monitor/membership.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <optional>
#include <string>

#include "base/clock.h"
#include "monitor/pidfd.h"

namespace segwhy {
namespace {

// Between the birth of a forked process and its record lie microseconds, on a machine that swaps perhaps this.
constexpr std::int64_t kBirthToRecordNs = 10'000'000'000;
// /proc counts in clock ticks.
constexpr std::int64_t kTickNs = 20'000'000;

// What CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC: the time the machine was suspended.
std::int64_t suspended_ns() {
  timespec boot{};
  ::clock_gettime(CLOCK_BOOTTIME, &boot);
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  return boot.tv_sec * kNsPerSecond + boot.tv_nsec - static_cast<std::int64_t>(monotonic_ns());
}

// CLOCK_MONOTONIC at the birth of the process; nullopt when it is gone, or without /proc.
std::optional<std::int64_t> birth_ns(pid_t pid) {
  const auto born = start_time_ns(pid);
  if (!born) return std::nullopt;
  return static_cast<std::int64_t>(*born) - suspended_ns();
}

bool exists(pid_t pid) {
  return ::kill(pid, 0) == 0 || errno == EPERM;
}

// Every process of the tree is younger than the session.
bool born_in_session(pid_t pid, const Session& session) {
  const auto birth = birth_ns(pid);
  return birth ? *birth + kTickNs >= static_cast<std::int64_t>(session.created_ns()) : exists(pid);
}

}  // namespace

bool maps_session(pid_t pid, const Session& session) {
  std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
  const std::string inode = " " + std::to_string(session.inode()) + " ";
  bool any = false;
  for (std::string line; maps && std::getline(maps, line); any = true)
    if (line.find("memfd:segwhy-session") != std::string::npos && line.find(inode) != std::string::npos) return true;
  return !any && born_in_session(pid, session);
}

bool is_writer(const wire::ProcessRecord& record, const Session& session) {
  const auto pid = static_cast<pid_t>(record.pid);
  if (record.origin != wire::kOriginFork) return maps_session(pid, session);
  const auto birth = birth_ns(pid);
  if (!birth) return exists(pid);
  const std::int64_t age = static_cast<std::int64_t>(record.start_ns) - *birth;
  return age > -kTickNs && age < kBirthToRecordNs;
}

}  // namespace segwhy
