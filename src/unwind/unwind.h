// Native stacks: from a thread's registers to return addresses. No names (symbols/ does those), no ptrace.
//
// A frame is found by call frame information where the code has any; else (assembly kernels, generated code, a jump to
// nowhere) by the return address on top of the stack, the frame pointer, or a bounded scan for return addresses, in
// that order; RawFrame::trust says which. The walk ends where the thread began, and stops at garbage: the stack pointer
// must rise, memory must be readable, a caller must be executable.
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
  bool signal_frame = false;  // the kernel's trampoline below a signal handler; the next frame was interrupted
  const char* trust = "";     // kTrust* of case.h
};

struct UnwindLimits {
  std::uint32_t innermost = 128;  // frames kept from the top
  std::uint32_t outermost = 64;   // and from the bottom when the stack is deeper
  // Frames walked at most, for the depth of a runaway recursion. An 8 MiB stack holds up to half a million; walking
  // costs about 0.1 us each.
  std::uint32_t count_up_to = 2'000'000;
};

struct RawStack {
  std::vector<RawFrame> frames;  // innermost first
  std::uint64_t depth = 0;       // frames seen, kept or not
  bool complete = false;         // the walk ended at the thread's first frame
  // Where depth - frames.size() frames are left out: frames[outermost_begin] and on are the ones from the bottom.
  // frames.size() when none are.
  std::size_t outermost_begin = 0;
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
