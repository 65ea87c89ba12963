#include "monitor/death.h"

#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstring>

namespace segwhy {

bool is_crash_signal(int signal) {
  switch (signal) {
    case SIGSEGV:
    case SIGBUS:
    case SIGILL:
    case SIGFPE:
    case SIGABRT:
    case SIGTRAP:
    case SIGSYS:
      return true;
    default:
      return false;
  }
}

Death death_of_crash(const wire::CrashRecord& crash) {
  siginfo_t info{};
  static_assert(sizeof info == wire::kSigInfoBytes);
  std::memcpy(&info, crash.siginfo, sizeof info);
  Death death;
  death.kind = "signal";
  death.signal = crash.signal;
  death.code = info.si_code;
  const bool sent = info.si_code <= 0;
  if (sent) {
    death.sender_pid = info.si_pid;
    death.sender_uid = static_cast<int>(info.si_uid);
  } else if (info.si_code < SI_KERNEL && crash.signal != SIGABRT) {
    death.address = reinterpret_cast<std::uintptr_t>(info.si_addr);  // NOLINT: a number of the target's
  }
  return death;
}

Death death_of_status(std::optional<int> wait_status, const wire::ProcessRecord& record) {
  Death death;
  death.kind = "none";
  if (!wait_status) return death;
  if (WIFEXITED(*wait_status)) {
    death.kind = "exit";
    death.exit_code = WEXITSTATUS(*wait_status);
    return death;
  }
  if (!WIFSIGNALED(*wait_status)) return death;
  death.kind = "signal";
  death.signal = WTERMSIG(*wait_status);
  death.dumped_core = WCOREDUMP(*wait_status);
  if (record.kill_signal == static_cast<std::uint32_t>(*death.signal)) {
    death.code = record.kill_code;
    if (record.kill_code <= 0) {
      death.sender_pid = static_cast<int>(record.kill_sender_pid);
      death.sender_uid = static_cast<int>(record.kill_sender_uid);
    }
  }
  return death;
}

void name_real_sender(Death& death, int front_pid, const std::vector<ForwardedSignal>& forwarded) {
  if (!death.signal || (death.sender_pid && *death.sender_pid != front_pid)) return;
  const auto last = std::find_if(forwarded.rbegin(), forwarded.rend(),
                                 [&death](const ForwardedSignal& f) { return f.signal == *death.signal; });
  if (last == forwarded.rend()) return;
  death.sender_pid = last->sender_pid;
  death.sender_uid = static_cast<int>(last->sender_uid);
  death.sender_name = last->sender_name;
}

bool died_of_crash(const Death& crash, bool handled, std::optional<int> wait_status) {
  // Nobody could tell us: without a handler of its own a process does not survive a fault.
  if (!wait_status) return !handled;
  if (!WIFSIGNALED(*wait_status)) return false;
  const int signal = WTERMSIG(*wait_status);
  // Another fault in the handler of the first, or the abort() it ends with, are the first one's doing.
  return signal == crash.signal || is_crash_signal(signal);
}

}  // namespace segwhy
