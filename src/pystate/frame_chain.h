// The chain of frames of one thread state, innermost first, walked without believing it: an end that is not null, a
// loop, or a frame that is none ends the walk and is said in `problem`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pystate/code_objects.h"

namespace segwhy::pystate {

struct RawFrame {
  TargetAddr code;
  std::int64_t instruction = -1;  // byte offset in the code of what is being executed; -1 before the first
  bool entry = false;             // a native evaluation frame was begun for this one
  TargetAddr address;             // of the frame itself
};

struct FrameChain {
  std::vector<RawFrame> innermost, outermost;  // innermost first; frames between the two were left out
  std::uint64_t depth = 0;                     // frames seen
  std::string problem;                         // empty when the chain was followed to its end
};

struct FrameLimits {
  std::uint32_t innermost = 0, outermost = 0, count_up_to = 0;
};

// `first`: of the innermost frame (PyFrameObject up to 3.10, _PyInterpreterFrame later), null when there is none.
[[nodiscard]] FrameChain walk_frames(ObjectReader& objects, CodeObjects& codes, TargetAddr first,
                                     const FrameLimits& limits);

}  // namespace segwhy::pystate
