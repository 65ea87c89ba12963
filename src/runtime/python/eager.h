// Has TensorFlow run its functions eagerly, as tf.config.run_functions_eagerly(True) and, where a version has it,
// tf.data.experimental.enable_debug_mode() would, without a call of either: by the very variables that they set.
//
// Only where the user asked for it (`segwhy run --eager`): it changes how the program runs. What the program sets
// itself later counts.
#pragma once

#include "runtime/python/interpreter.h"

namespace segwhy::runtime::python {

// Looks for the wish in `environment` (of main). To be called before there are other threads.
void choose_eager(char** environment);

// Sets what is there and has not been set. The caller holds the interpreter's lock and has no exception set.
void run_functions_eagerly(const Interpreter& python);

}  // namespace segwhy::runtime::python
