// The fatal signal from a siginfo_t's bytes (x86-64 Linux layout). Pure.
#pragma once

#include <optional>

#include "base/byte_view.h"
#include "evidence/model/snapshot.h"

namespace segwhy {

// nullopt when the bytes are short or name no signal. The address is taken for faults the kernel reports only, the
// sender for signals a process sent only.
[[nodiscard]] std::optional<SignalSnapshot> parse_siginfo(ByteView siginfo);

}  // namespace segwhy
