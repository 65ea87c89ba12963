#include "runtime/trace/python_walk.h"

#include "runtime/pal/guarded_copy.h"
#include "runtime/trace/python_layout.h"

namespace segwhy::runtime::trace {
namespace {

constexpr int32_t kCodeUnit = 2;
// enum _frameowner, 3.12 and later: this and the values above it are frames that the evaluation loop puts between its
// caller's frame and the ones it runs.
constexpr uint8_t kFirstShimOwner = 3;
constexpr uint8_t kOwnedByGenerator = 1;
// 3.14: a stack reference carries flags in its low bits, which no object's address has.
constexpr uint64_t kTagBits = 7;
// Frames that are passed over at most, in one walk: a chain of them that does not end is none.
constexpr uint32_t kMaxPassedOver = 4096;

[[nodiscard]] bool load(uint64_t object, uint32_t offset, uint64_t& out) {
  return pal::guarded_load(object + offset, out);
}

// glibc's pthread_self(): the thread control block's pointer to itself.
[[nodiscard]] uint64_t thread_pointer() {
  uint64_t self = 0;
  asm("movq %%fs:0x10, %0" : "=r"(self));
  return self;
}

// The calling thread's innermost frame; false when it has no state of its own.
[[nodiscard]] bool innermost_frame(const Python& python, uint64_t& frame) {
  const auto state = reinterpret_cast<uint64_t>(python.this_thread_state());
  uint64_t owner = 0;
  if (state == 0 || !load(state, python[Field::kThreadPthread], owner) || owner != thread_pointer()) return false;
  if (!load(state, python[Field::kThreadFrame], frame)) return false;
  if (!python.has(Field::kCframeCurrentFrame) || frame == 0) return true;
  return load(frame, python[Field::kCframeCurrentFrame], frame);
}

enum class Seen : uint8_t { kFrame, kNothing, kUnreadable };

// Up to 3.10: frame objects.
[[nodiscard]] Seen read_frame_object(const Python& python, uint64_t frame, PythonFrame& out) {
  uint64_t last = 0;
  if (!load(frame, python[Field::kFrameCode], out.code) || !load(frame, python[Field::kFrameInstruction], last)) {
    return Seen::kUnreadable;
  }
  out.instruction = static_cast<int32_t>(last);
  // f_lasti counts bytes up to 3.9 and code units in 3.10.
  if (python.minor == 10 && out.instruction > 0) out.instruction *= kCodeUnit;
  return Seen::kFrame;
}

// True when the function has not begun: its frame is being set up, or it is a trampoline of the interpreter's own.
[[nodiscard]] bool is_incomplete(const Python& python, const PythonFrame& frame) {
  uint64_t first = 0;
  if (!python.has(Field::kCodeFirstTraceable)) return false;
  return load(frame.code, python[Field::kCodeFirstTraceable], first) &&
         frame.instruction < static_cast<int32_t>(first) * kCodeUnit;
}

[[nodiscard]] Seen read_interpreter_frame(const Python& python, uint64_t frame, PythonFrame& out) {
  uint64_t owner_word = 0, instruction = 0;
  if (!load(frame, python[Field::kFrameOwner], owner_word)) return Seen::kUnreadable;
  const auto owner = static_cast<uint8_t>(owner_word);
  if (python.minor >= 12 && owner >= kFirstShimOwner) return Seen::kNothing;
  if (!load(frame, python[Field::kFrameCode], out.code) ||
      !load(frame, python[Field::kFrameInstruction], instruction)) {
    return Seen::kUnreadable;
  }
  out.code &= ~kTagBits;
  out.instruction = static_cast<int32_t>(instruction - (out.code + python[Field::kCodeInstructions]));
  return owner != kOwnedByGenerator && is_incomplete(python, out) ? Seen::kNothing : Seen::kFrame;
}

// What tells the code object of a frame from another one at the same place.
[[nodiscard]] bool read_code(const Python& python, PythonFrame& frame) {
  const Field name = python.has(Field::kCodeQualname) ? Field::kCodeQualname : Field::kCodeName;
  return load(frame.code, python[Field::kCodeLineTable], frame.line_table) &&
         load(frame.code, python[name], frame.name);
}

[[nodiscard]] Seen read_frame(const Python& python, uint64_t frame, PythonFrame& out) {
  const Seen seen =
      python.minor <= 10 ? read_frame_object(python, frame, out) : read_interpreter_frame(python, frame, out);
  if (seen != Seen::kFrame) return seen;
  return read_code(python, out) ? Seen::kFrame : Seen::kUnreadable;
}

}  // namespace

PythonWalk::PythonWalk() {
  const Python* const interpreter = python();
  if (interpreter == nullptr || !innermost_frame(*interpreter, frame_)) frame_ = 0;
}

PythonWalk::Step PythonWalk::next(PythonFrame& out) {
  const Python* const interpreter = python();
  while (frame_ != 0) {
    const Seen seen = read_frame(*interpreter, frame_, out);
    broken_ = seen == Seen::kUnreadable || !load(frame_, (*interpreter)[Field::kFrameBack], frame_) ||
              ++passed_over_ == kMaxPassedOver;
    if (broken_) frame_ = 0;
    if (seen != Seen::kFrame) continue;
    passed_over_ = 0;
    return Step::kFrame;
  }
  return broken_ ? Step::kUnreadable : Step::kEnd;
}

bool frame_of_code(const void* code, PythonFrame& out) {
  const Python* const interpreter = python();
  out.code = reinterpret_cast<uint64_t>(code);
  out.instruction = -1;
  uint64_t type = 0;
  return interpreter != nullptr && load(out.code, (*interpreter)[Field::kObjectType], type) &&
         type == interpreter->code_type && read_code(*interpreter, out);
}

void walk_python(PythonStack& out) {
  PythonWalk walk;
  PythonFrame frame;
  for (;;) {
    const PythonWalk::Step step = walk.next(frame);
    if (step == PythonWalk::Step::kUnreadable) out.flags |= wire::kStackPythonUnreadable;
    if (step != PythonWalk::Step::kFrame) return;
    if (out.count == wire::kMaxPythonFrames) {
      out.flags |= wire::kStackPythonCut;
      return;
    }
    out.frames[out.count++] = frame;
  }
}

}  // namespace segwhy::runtime::trace
