// The variable by which `segwhy run --eager` tells the runtime, in the program and in its children, to have TensorFlow
// run its functions eagerly.
#pragma once

namespace segwhy::wire {

inline constexpr char kEnvEager[] = "SEGWHY_EAGER";  // any value but the empty one

}  // namespace segwhy::wire
