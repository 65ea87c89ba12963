// The thread states of all interpreters of a process, and which native thread each belongs to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "evidence/model/snapshot.h"
#include "pystate/layout.h"

namespace segwhy::pystate {

struct ThreadState {
  TargetAddr address;
  std::int64_t interpreter = 0;  // its id; 0 is the main one
  std::uint64_t pthread = 0;     // pthread_self() of the thread it was made on
  std::uint64_t native_id = 0;   // gettid() of it; 0 before 3.11
  TargetAddr innermost_frame;
  bool holds_gil = false;
  int tid = 0;  // of the native thread found for it, 0 when none was
};

struct ThreadStates {
  std::vector<ThreadState> threads;
  std::optional<bool> finalizing;
  std::vector<std::string> notes;
};

// An error when what is at `runtime` is not laid out as `layout` says.
[[nodiscard]] Result<ThreadStates> read_thread_states(MemoryReader& memory, const Layout& layout, TargetAddr runtime);

// Fills in `tid`. A pthread_self() is used again after its thread ended, so a state that also agrees on the native id
// is preferred, and no two states of one interpreter get the same thread.
void assign_native_threads(std::vector<ThreadState>& states, const std::vector<ThreadSnapshot>& threads);

}  // namespace segwhy::pystate
