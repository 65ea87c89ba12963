// The op a Python thread is calling, from its Python frames: for deaths outside a kernel (conversion of arguments,
// shape inference, bindings) and to check what was found in memory.
//
// No list of ops: TensorFlow generates one Python function per op into gen_*_ops.py, whose code holds the op's name as
// a string constant, the function's name being the same in snake case. Where no op is called, the public name of the
// function that the program called is taken from its tf_export decoration.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "evidence/model/case.h"

namespace segwhy::tensorflow {

struct PythonOp {
  std::string name;  // "SparseCountSparseOutput", or "tf.experimental.dlpack.to_dlpack" when `is_api`
  bool is_api = false;
  std::size_t frame = 0;  // index in the frames, of the generated wrapper or the exported function
};

// Is TensorFlow's Python code being run, and not the program's own that it may have called back.
[[nodiscard]] bool runs_tensorflow_python(const std::vector<PythonFrame>& frames);

// Has it called the runtime to execute something that is no op of TensorFlow's Python functions: a function's graph.
[[nodiscard]] bool runs_function(const std::vector<PythonFrame>& frames);

// Innermost first, as in Thread::python. `root` is the prefix under which the target's files are opened.
[[nodiscard]] std::optional<PythonOp> op_in_python_frames(const std::vector<PythonFrame>& frames,
                                                          const std::string& root);

// "experimental.dlpack.to_dlpack": the first name in the tf_export decoration of `function` in a module's text; nullopt
// when it has none. Pure.
[[nodiscard]] std::optional<std::string> exported_name(std::string_view module_text, std::string_view function);

}  // namespace segwhy::tensorflow
