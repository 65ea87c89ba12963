// How a process ended, as far as the monitor knows: from the wait status, the signal's own data and the process's
// record. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "evidence/model/case.h"
#include "evidence/wire/session.h"

namespace segwhy {

// A signal the front passed on: its real sender, where the program saw only the front.
struct ForwardedSignal {
  int signal = 0;
  int sender_pid = 0;
  unsigned sender_uid = 0;
  std::string sender_name;  // empty: not known
};

// The signal of a crash record, with the address or the sender that the kernel gave.
[[nodiscard]] Death death_of_crash(const wire::CrashRecord& crash);

// The end as `wait_status` says, with the sender from the process's record. A status that cannot be known is a death of
// kind "none": never made up.
[[nodiscard]] Death death_of_status(std::optional<int> wait_status, const wire::ProcessRecord& record);

// Puts the real sender in place of the front. Keeps a name that is known.
void name_real_sender(Death& death, int front_pid, const std::vector<ForwardedSignal>& forwarded);

// Whether a process that had a crash captured and then ended with `wait_status` died of that crash.
// `handled`: the program has a handler of its own for the signal.
[[nodiscard]] bool died_of_crash(const Death& crash, bool handled, std::optional<int> wait_status);

// Signals that mean a fault or an abort of the program itself.
[[nodiscard]] bool is_crash_signal(int signal);

}  // namespace segwhy
