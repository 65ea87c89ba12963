// Which other threads a thread works for, by what it holds of theirs: pointers into their stacks (barriers, captured
// references) and code that is a lambda of a function they are in. Frameworks hand work to pool threads in just this
// way: the submitter waits with its state on its stack until the shards are done. Pure apart from reading the snapshot.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "evidence/model/case.h"
#include "evidence/model/snapshot.h"
#include "frameworks/target_view.h"

namespace segwhy {

struct ThreadLink {
  int tid = 0;
  std::uint32_t direct = 0;     // registers and stack words that point into that thread's live stack
  std::uint32_t indirect = 0;   // pointers one step behind those
  bool runs_lambda_of = false;  // a native frame is a lambda of a function on that thread's stack

  [[nodiscard]] std::uint32_t weight() const;
  [[nodiscard]] std::string reason() const;  // a clause: "its stack holds pointers into that thread's stack"
};

// Strongest first; threads without any link are left out. `from` must be one of the snapshot's threads.
[[nodiscard]] std::vector<ThreadLink> find_thread_links(const Snapshot& snapshot, const std::vector<Thread>& threads,
                                                        TargetView& view, int from);

}  // namespace segwhy
