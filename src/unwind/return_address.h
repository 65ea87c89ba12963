// What can be told from the code around an address: whether it can be a return address, whether it is where a signal
// handler returns to.
#pragma once

#include <unordered_map>

#include "evidence/model/snapshot.h"

namespace segwhy {

// Not thread-safe; the snapshot must outlive it.
class CodeInspector {
 public:
  explicit CodeInspector(const Snapshot& snapshot) : snapshot_(snapshot) {}

  [[nodiscard]] bool executable(TargetAddr pc) const;
  // Executable and preceded by a call instruction. False positives are possible (x86 code can be read backwards in
  // several ways), false negatives are not, but for code that cannot be read.
  [[nodiscard]] bool follows_call(TargetAddr pc);
  // At the kernel's return trampoline: mov $__NR_rt_sigreturn, %eax; syscall.
  [[nodiscard]] bool is_signal_return(TargetAddr pc);

 private:
  enum Fact : unsigned char { kFollowsCall = 1, kSignalReturn = 2 };
  unsigned char facts(TargetAddr pc);

  const Snapshot& snapshot_;
  std::unordered_map<std::uint64_t, unsigned char> facts_;
};

}  // namespace segwhy
