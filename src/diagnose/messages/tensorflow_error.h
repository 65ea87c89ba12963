// What TensorFlow's exceptions say of the op that failed: its node, its inputs and the line that created it.
//
// The text is all there is once a process has ended by an exception. Its forms, which changed over the versions:
//
//   "... for '{{node Mul}} = Mul[T=DT_FLOAT](x, Const)' with input shapes: [1000,1000], [3]."   while a graph is built
//   "Input 'y' of 'Mul' Op has type int32 that does not match type float32 of argument 'x'."    the same
//   "Incompatible shapes: [1000,1000] vs. [3] [Op:Mul]"                                          an eager op
//   "{{function_node __wrapped__Mul_...}} ... [Op:Mul] name: "                                   the same, later
//   versions
//   "... [[node Mul (defined at a.py:6) ]] [Op:__inference_f_15]"                                in a graph, 2.4 to 2.6
//   "Detected at node 'Mul' defined at (most recent call last): File ... Node: 'Mul' ..."       in a graph, 2.7 on
//   "in user code: ..." with a stack of its own                                                  AutoGraph, around any
//
// Pure and thread-safe. Nothing is guessed: what a form does not say stays empty.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "diagnose/messages/python.h"
#include "evidence/model/case.h"

namespace segwhy::text {

struct TensorFlowError {
  std::string op, node;
  std::string reason;              // the one line that says what was wrong
  std::vector<TensorInfo> inputs;  // those whose dtype or shape is said; a size that was not known is -1
  // The stack in the message, outermost first: of the code being traced, or of what created the node.
  std::vector<TracebackFrame> frames;
  bool in_graph = false;  // the op had been built and ran in a graph: `frames` is where it was created
};

// nullopt for an exception that is not TensorFlow's.
[[nodiscard]] std::optional<TensorFlowError> read_tensorflow_error(const Traceback& traceback);

}  // namespace segwhy::text
