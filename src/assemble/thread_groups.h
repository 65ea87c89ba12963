// Whose threads they are: start routines and their arguments as libraries and functions.
#pragma once

#include <span>
#include <vector>

#include "capture/capture.h"
#include "evidence/model/case.h"
#include "evidence/wire/session.h"

namespace segwhy {

// One group per entry in use, as the captured process sees the addresses: a forked child sees its parent's.
[[nodiscard]] std::vector<ThreadGroup> name_thread_groups(const Capture& capture,
                                                          std::span<const wire::ThreadStart> starts);

}  // namespace segwhy
