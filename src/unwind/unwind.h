// Native stacks: from a thread's registers to return addresses. No names (symbols/ does those), no ptrace.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "evidence/model/snapshot.h"

namespace segwhy {

struct RawFrame {
  TargetAddr pc;                  // where execution is (frame 0, signal frames) or would return to
  bool is_return_address = true;  // pc - 1 lies in the call instruction
  std::optional<TargetAddr> sp;
  bool signal_frame = false;
  const char* trust = "";  // kTrust* of case.h
};

struct UnwindLimits {
  std::uint32_t innermost = 128;      // frames kept from the top
  std::uint32_t outermost = 64;       // and from the bottom when the stack is deeper
  std::uint32_t count_up_to = 20000;  // frames counted at most, for the depth of a runaway recursion
};

struct RawStack {
  std::vector<RawFrame> frames;  // innermost first
  std::uint64_t depth = 0;       // frames seen, kept or not
  bool complete = false;         // the walk ended at the thread's first frame
};

// Unwinds threads of one snapshot. Holds the modules' call frame information; not thread-safe; the snapshot must
// outlive it.
class Unwinder {
 public:
  static Result<Unwinder> open(const Snapshot& snapshot);
  Unwinder(Unwinder&&) noexcept;
  Unwinder& operator=(Unwinder&&) noexcept;
  ~Unwinder();

  // Never fails: in the worst case the stack is frame 0 alone.
  [[nodiscard]] RawStack unwind(const ThreadSnapshot& thread, const UnwindLimits& limits);

 private:
  struct Impl;
  explicit Unwinder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace segwhy
