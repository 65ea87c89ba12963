// The threads of a process that did not die but may have to do with the death.
#pragma once

#include <string>
#include <vector>

#include "capture/capture.h"
#include "evidence/model/case.h"

namespace segwhy {

// Threads with their native and Python stacks, the main one first. `directory`: where relative names of scripts are
// looked for. What cannot be read is missing: about a bystander nothing needs to be said.
[[nodiscard]] std::vector<Thread> read_bystander(const Capture& capture, const std::string& directory);

}  // namespace segwhy
