// What one thread is blocked on, from its system call and its process's memory. Pure apart from reading that memory.
#pragma once

#include <vector>

#include "evidence/model/case.h"
#include "evidence/model/snapshot.h"
#include "waits/process_facts.h"

namespace segwhy::waits {

// `threads`: the process's threads with their frames, which tell a mutex from other locks and who has the GIL.
// What has happened already (a changed futex word) is no wait any more. Epoll's descriptors are not in memory: of an
// epoll wait, the interest is the epoll descriptor itself, to be replaced (see collect.h).
[[nodiscard]] Blocked blocked_on(const Snapshot& snapshot, const ThreadSnapshot& thread,
                                 const std::vector<Thread>& threads);

// Whether the call waits by epoll; its descriptor is the first argument.
[[nodiscard]] bool is_epoll_wait(const SystemCall& call);

}  // namespace segwhy::waits
