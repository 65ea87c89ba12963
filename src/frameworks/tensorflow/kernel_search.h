// Finds the kernels a thread is running, from its registers and stack alone.
//
// OpKernelContext::Params, which the executor or the eager runtime fills for every call of a kernel, holds a pointer to
// the kernel followed by one to its device. Both have virtual tables, so the pair is recognised by RTTI wherever it
// lies: on the stack (eager ops, older executors) or on the heap behind a pointer on the stack (newer executors,
// asynchronous kernels, lambdas that captured the context). Padding of live frames can hold the remains of earlier
// calls, so a candidate is worth more when the native frames show its kernel's code being run.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "evidence/model/case.h"
#include "evidence/model/snapshot.h"
#include "frameworks/tensorflow/objects.h"

namespace segwhy::tensorflow {

struct KernelCall {
  Kernel kernel;
  std::uint64_t params = 0;  // address of Params
  std::uint64_t device = 0;
  std::vector<Input> inputs;
  bool inputs_known = false;  // their number is what the kernel's node declares
  bool sound = false;         // and each of them validates
  bool in_function = false;   // called with a call frame: from a graph
  bool on_stack = false;
  bool confirmed = false;  // the thread's native frames run this kernel
};

// The part of a thread that is searched: registers and the stack from its pointer on.
struct ThreadWords {
  int tid = 0;
  std::uint64_t begin = 0, end = 0;  // of the stack: [sp, its end)
  std::vector<std::uint64_t> registers;
};
[[nodiscard]] ThreadWords words_of(const ThreadSnapshot& thread, TargetView& view);

// Calls whose Params lie on that stack, innermost first.
[[nodiscard]] std::vector<KernelCall> calls_on_stack(Objects& objects, const ThreadWords& words);

// Calls whose Params lie behind pointers in the registers and the inner part of the stack, nearest pointer first.
[[nodiscard]] std::vector<KernelCall> calls_behind_pointers(Objects& objects, const ThreadWords& words);

// The outputs that the call has made so far, of its OpKernelContext on that thread's stack or behind its pointers.
// Empty too when the context is not found.
[[nodiscard]] std::vector<TensorInfo> outputs_of(Objects& objects, const ThreadWords& words, const KernelCall& call);

// NodeDefs on the stack or behind its pointers, innermost first: what shape functions and kernel construction work on.
[[nodiscard]] std::vector<Node> nodes_on_stack(Objects& objects, const ThreadWords& words);

// Calls left below the stack pointer by what the thread did before: of kernels that have ended, the last ones.
[[nodiscard]] std::vector<KernelCall> calls_left_below(Objects& objects, const ThreadWords& words);

// The graph nodes (Node, NodeProperties) that the registers and the innermost frame, up to `frame_end`, point to: what
// code that walks a graph is looking at.
[[nodiscard]] std::vector<Node> nodes_in_hand(Objects& objects, const ThreadWords& words, std::uint64_t frame_end);

// Do these frames run code of that kernel: a function of its virtual table, or one named after its class.
[[nodiscard]] bool runs_kernel(Objects& objects, const std::vector<NativeFrame>& frames, const Kernel& kernel);

// Could they, unseen: is a frame without a symbol in the module that holds the kernel's code.
[[nodiscard]] bool may_run_kernel(Objects& objects, const std::vector<NativeFrame>& frames, const Kernel& kernel);

}  // namespace segwhy::tensorflow
