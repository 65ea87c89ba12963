// One step of a stack walk: from a frame to its caller, by the most reliable means that works there.
#pragma once

#include <optional>

#include "evidence/model/snapshot.h"
#include "unwind/call_frame_info.h"
#include "unwind/frame_state.h"
#include "unwind/return_address.h"
#include "unwind/stack_reader.h"

namespace segwhy {

struct WalkFrame {
  FrameState registers;
  bool return_address = false;  // pc is where a call returns to
  bool signal_frame = false;
  bool uncertain = false;  // found by other means than CFI: what follows must prove itself
  const char* trust = "";
};

enum class StepOutcome {
  kCaller,     // the frame is now its caller
  kOutermost,  // the thread begins here
  kLost,       // no plausible caller
};

// Steps one thread's walk. Not thread-safe; all it refers to must outlive it.
class Stepper {
 public:
  Stepper(MemoryReader& memory, const ThreadSnapshot& thread, CallFrameInfo& cfi, CodeInspector& code);

  [[nodiscard]] WalkFrame first() const;
  StepOutcome step(WalkFrame& frame);

 private:
  StepOutcome by_signal_trampoline(WalkFrame& frame);
  StepOutcome by_cfi(WalkFrame& frame);
  StepOutcome by_return_address(WalkFrame& frame);
  StepOutcome by_frame_pointer(WalkFrame& frame);
  StepOutcome by_scan(WalkFrame& frame);

  [[nodiscard]] std::optional<std::uint64_t> cfa(const FrameRule& rule, const FrameState& frame);
  // Sets one register of the caller; false when its place cannot be read.
  bool restore(std::size_t reg, const RegisterRule& rule, std::uint64_t cfa, const FrameState& frame,
               FrameState& caller);
  StepOutcome accept(WalkFrame& frame, const FrameState& caller, bool interrupted, const char* trust);

  // Whether walking on from a guessed caller by CFI leads to another return address or the thread's end. `next` is
  // where it led.
  enum class Proof { kNone, kWrong, kRight };
  Proof prove(const FrameState& candidate, WalkFrame* next = nullptr);
  // The frame between this one and the caller that the frame pointer leads to, if the frame pointer is not this one's.
  std::optional<FrameState> owner_of_frame_pointer(const FrameState& frame, const FrameState& caller);
  // The candidate caller found at `slot`, with a frame pointer that proves it if there is one.
  Proof prove_scanned(const FrameState& frame, TargetAddr slot, FrameState& candidate);

  CallFrameInfo& cfi_;
  CodeInspector& code_;
  StackReader memory_;
  const ThreadSnapshot& thread_;
};

}  // namespace segwhy
