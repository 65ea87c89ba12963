#include <limits>

#include "evidence/model/case.h"
#include "unwind/call_frame_info.h"
#include "unwind/kept_frames.h"
#include "unwind/return_address.h"
#include "unwind/stepper.h"
#include "unwind/unwind.h"

namespace segwhy {
namespace {

// Handlers nested deeper than this are a loop in garbage: the stack pointer need not rise across a signal frame.
constexpr int kMaxSignalFrames = 32;

RawFrame raw_frame(const WalkFrame& frame) {
  return {frame.registers.pc(), frame.return_address, frame.registers.sp(), frame.signal_frame, frame.trust};
}

}  // namespace

struct Unwinder::Impl {
  explicit Impl(const Snapshot& s) : snapshot(s), cfi(s), code(s) {}

  const Snapshot& snapshot;
  CallFrameInfo cfi;
  CodeInspector code;
};

Unwinder::Unwinder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Unwinder::Unwinder(Unwinder&&) noexcept = default;
Unwinder& Unwinder::operator=(Unwinder&&) noexcept = default;
Unwinder::~Unwinder() = default;

Result<Unwinder> Unwinder::open(const Snapshot& snapshot) {
  if (snapshot.memory == nullptr)
    return fail("unwind process " + std::to_string(snapshot.pid) + ": no memory captured");
  return Unwinder(std::make_unique<Impl>(snapshot));
}

RawStack Unwinder::unwind(const ThreadSnapshot& thread, const UnwindLimits& limits) {
  if (!thread.registers_known) return {};
  Stepper stepper(*impl_->snapshot.memory, thread, impl_->cfi, impl_->code);
  KeptFrames kept(limits);
  WalkFrame frame = stepper.first();
  StepOutcome outcome = StepOutcome::kCaller;
  int signal_frames = 0;
  while (outcome == StepOutcome::kCaller && kept.depth() < limits.count_up_to && signal_frames <= kMaxSignalFrames) {
    kept.add(raw_frame(frame));
    if (frame.signal_frame) ++signal_frames;
    outcome = stepper.step(frame);
  }
  RawStack stack = kept.take(outcome != StepOutcome::kCaller);
  stack.complete = outcome == StepOutcome::kOutermost;
  return stack;
}

}  // namespace segwhy
