#include "frameworks/tensorflow/tensorflow.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "frameworks/tensorflow/attributes.h"
#include "frameworks/tensorflow/created_at.h"
#include "frameworks/tensorflow/kernel_search.h"
#include "frameworks/tensorflow/python_op.h"
#include "frameworks/tensorflow/version.h"
#include "frameworks/thread_links.h"

namespace segwhy::tensorflow {
namespace {

constexpr char kCertain[] = "certain";
constexpr char kLikely[] = "likely";
constexpr char kPossible[] = "possible";

bool any_frame_names(const Thread& thread, std::string_view text) {
  return std::any_of(thread.native.begin(), thread.native.end(),
                     [&](const NativeFrame& f) { return f.function.find(text) != std::string::npos; });
}

bool has_native_frames_of_tensorflow(const Thread& thread) {
  return std::any_of(thread.native.begin(), thread.native.end(),
                     [](const NativeFrame& f) { return is_tensorflow_module(f.module); });
}

// A stack that ends at once (a jump to nowhere, an overwritten stack) says nothing about who was on it.
bool stack_is_lost(const Thread& thread) {
  return thread.native.size() <= 2;
}

// TensorFlow's own stages, as its frames name them; empty when none is seen.
std::string phase_of_frames(const Thread& thread) {
  if (any_frame_names(thread, "shape_inference::") || any_frame_names(thread, "ShapeRefiner::"))
    return "shape-inference";
  if (any_frame_names(thread, "(tensorflow::OpKernelConstruction*)")) return "kernel-construction";
  if (any_frame_names(thread, "tensorflow::grappler::")) return "graph-optimization";
  if (any_frame_names(thread, "tensorflow::data::")) return "dataset";
  if (any_frame_names(thread, "ExecutorState<") || any_frame_names(thread, "ExecutorState::")) return "graph";
  if (any_frame_names(thread, "tensorflow::KernelAndDeviceOp::")) return "eager";
  return {};
}

// One reading of one snapshot: the steps share what they found.
class Reading {
 public:
  Reading(const Snapshot& snapshot, const std::vector<Thread>& threads, const Layout* layout)
      : snapshot_(snapshot), threads_(threads), view_(snapshot), rtti_(view_), objects_(view_, rtti_, layout) {}

  // `took_part`: the thread's frames show TensorFlow at work. Without, only a kernel whose own code is being run
  // counts.
  void run(const Thread& crashed, bool took_part) {
    crashed_ = &crashed;
    took_part_ = took_part;
    python_ = op_in_python_frames(crashed.python, snapshot_.root);
    words_ = words_of_thread(crashed.tid);
    phase_ = phase_of_frames(crashed);
    // A thread that runs Python works for nobody else.
    if (crashed.python.empty()) links_ = find_thread_links(snapshot_, threads_, view_, crashed.tid);
    // Strongest first; the thread worked for is looked for in between because the last steps build on it.
    bool found = from_confirmed_call() || from_submitter();
    if (!found && !took_part) return;
    found = found || from_python_op() || from_node() || from_unconfirmed_call() || from_python_api();
    find_python_thread();
    found = found || from_python_of_submitter() || from_leftovers();
    add_phase();
  }

  [[nodiscard]] Framework& framework() { return framework_; }
  [[nodiscard]] std::optional<int> works_for() const { return works_for_; }
  [[nodiscard]] const std::string& works_for_reason() const { return works_for_reason_; }

 private:
  const Thread* thread_of(int tid) const {
    const auto it = std::find_if(threads_.begin(), threads_.end(), [&](const Thread& t) { return t.tid == tid; });
    return it == threads_.end() ? nullptr : &*it;
  }

  ThreadWords words_of_thread(int tid) {
    for (const ThreadSnapshot& thread : snapshot_.threads)
      if (thread.tid == tid) return words_of(thread, view_);
    return {};
  }

  std::vector<KernelCall> calls_of(const ThreadWords& words, const Thread& thread, bool on_stack) {
    auto calls = on_stack ? calls_on_stack(objects_, words) : calls_behind_pointers(objects_, words);
    for (KernelCall& call : calls) call.confirmed = runs_kernel(objects_, thread.native, call.kernel);
    return calls;
  }

  // The innermost confirmed call; sound ones first, since an overwritten tensor is rarer than a leftover.
  static const KernelCall* best_confirmed(const std::vector<KernelCall>& calls) {
    for (const bool sound : {true, false})
      for (const KernelCall& call : calls)
        if (call.confirmed && call.sound == sound && (sound || call.inputs_known)) return &call;
    for (const KernelCall& call : calls)
      if (call.confirmed) return &call;
    return nullptr;
  }

  bool from_confirmed_call() {
    own_calls_ = calls_of(words_, *crashed_, true);
    const KernelCall* call = best_confirmed(own_calls_);
    if (call == nullptr) {
      auto behind = calls_of(words_, *crashed_, false);
      own_calls_.insert(own_calls_.end(), std::make_move_iterator(behind.begin()),
                        std::make_move_iterator(behind.end()));
      call = best_confirmed(own_calls_);
    }
    if (call == nullptr) return false;
    take(*call, words_, call->sound ? kCertain : kLikely);
    return true;
  }

  // A pool thread runs a part of a kernel whose call is on the stack of the thread that waits for the parts.
  bool from_submitter() {
    const KernelCall* taken = nullptr;
    std::vector<KernelCall> calls;
    for (const ThreadLink& link : links_) {
      const Thread* submitter = thread_of(link.tid);
      if (submitter == nullptr || (!took_part_ && !link.runs_lambda_of)) continue;
      const ThreadWords words = words_of_thread(link.tid);
      calls = calls_of(words, *submitter, true);
      taken = best_confirmed(calls);
      if (taken == nullptr) {
        calls = calls_of(words, *submitter, false);
        taken = best_confirmed(calls);
      }
      if (taken == nullptr) continue;
      submitter_ = link;
      const bool rival = &link != &links_.back() && (&link)[1].weight() == link.weight();
      take(*taken, words, link.runs_lambda_of ? kCertain : rival ? kPossible : kLikely);
      framework_.notes.push_back(fmt::format("The kernel's call is on thread {}: {}.", link.tid, link.reason()));
      return true;
    }
    return false;
  }

  // What the crashing thread's own Python frames call. A call found in memory that agrees says what it worked on.
  bool from_python_op() {
    if (!python_ || python_->is_api) return false;
    for (const KernelCall& call : own_calls_) {
      if (call.kernel.node.op != python_->name || !call.sound) continue;
      take(call, words_, kCertain);
      return true;
    }
    framework_.op = python_->name;
    framework_.found_by = "python-frame";
    framework_.confidence = kLikely;
    for (const Node& node : nodes_on_stack(objects_, words_)) {
      if (node.op != python_->name) continue;
      framework_.node = node.name;
      framework_.device = node.device;
      framework_.confidence = kCertain;
      break;
    }
    return true;
  }

  // Outside kernels: the node that a shape function, a kernel's constructor or a walk over the graph has in hand.
  bool from_node() {
    const bool expected =
        phase_ == "shape-inference" || phase_ == "kernel-construction" || phase_ == "graph-optimization";
    if (expected && take_node(nodes_on_stack(objects_, words_), true)) return true;
    if (crashed_->native.empty() || !is_tensorflow_module(crashed_->native.front().module)) return false;
    if (take_node(nodes_in_hand(objects_, words_, words_.begin), false)) return true;
    const auto frame_end = crashed_->native.size() > 1 ? crashed_->native[1].sp : std::nullopt;
    return frame_end && take_node(nodes_in_hand(objects_, words_, *frame_end), false);
  }

  bool take_node(const std::vector<Node>& nodes, bool expected) {
    if (nodes.empty()) return false;
    const bool one_op = std::all_of(nodes.begin(), nodes.end(), [&](const Node& n) { return n.op == nodes[0].op; });
    framework_.op = nodes.front().op;
    framework_.node = nodes.front().name;
    framework_.device = nodes.front().device;
    framework_.attributes = read_attributes(objects_, nodes.front().address);
    framework_.found_by = "node-def";
    framework_.confidence = expected || one_op ? kLikely : kPossible;
    return true;
  }

  // Nothing on the frames speaks for it: shown when its code may be among frames without names, or when no frame of a
  // kernel could be expected (the stack was lost).
  bool from_unconfirmed_call() {
    for (const KernelCall& call : own_calls_) {
      const bool unseen = may_run_kernel(objects_, crashed_->native, call.kernel);
      if (!call.sound || (!unseen && !stack_is_lost(*crashed_) && python_)) continue;
      take(call, words_, unseen ? kLikely : kPossible);
      return true;
    }
    return false;
  }

  // No op is being called: the function of TensorFlow that the program called.
  bool from_python_api() {
    if (!python_) return false;
    framework_.op = python_->name;
    framework_.found_by = "python-frame";
    framework_.confidence = kLikely;
    return true;
  }

  // Damage that shows late: the op in which it shows has ended, but what it left on the stack may name it.
  bool from_leftovers() {
    const auto calls = calls_left_below(objects_, words_);
    const auto last = std::find_if(calls.begin(), calls.end(), [](const KernelCall& c) { return c.sound; });
    if (last == calls.end()) return false;
    for (const KernelCall& call : calls)
      if (call.sound && call.kernel.node.op != last->kernel.node.op) return false;
    framework_.op = last->kernel.node.op;
    framework_.node = last->kernel.node.name;
    framework_.device = objects_.device_name(last->device);
    framework_.found_by = "kernel-object";
    framework_.confidence = kPossible;
    in_function_ = last->in_function;
    leftover_ = true;
    framework_.notes.push_back("No op was running: this is the last one that left its call on the thread's stack.");
    return true;
  }

  // `words`: of the thread that called it.
  void take(const KernelCall& call, const ThreadWords& words, const char* confidence) {
    framework_.op = call.kernel.node.op;
    framework_.node = call.kernel.node.name;
    framework_.device = objects_.device_name(call.device);
    if (framework_.device.empty()) framework_.device = call.kernel.node.device;
    for (const Input& input : call.inputs) framework_.inputs.push_back(input.info);
    framework_.outputs = outputs_of(objects_, words, call);
    framework_.attributes = read_attributes(objects_, call.kernel.node.address);
    framework_.found_by = "kernel-object";
    framework_.confidence = confidence;
    in_function_ = call.in_function;
    // The runtime may run an internal op in an op's place ("_MklConv2D" for "Conv2D"); the program called the latter.
    if (python_ && framework_.op.starts_with('_') && framework_.op.ends_with(python_->name)) {
      framework_.notes.push_back(fmt::format("TensorFlow ran {} in place of {}.", framework_.op, python_->name));
      framework_.op = python_->name;
    }
  }

  // The Python thread that waits for the crashing one, directly or through the thread that submitted its work.
  void find_python_thread() {
    if (!crashed_->python.empty()) return;
    if (submitter_) {
      const Thread* thread = thread_of(submitter_->tid);
      if (thread != nullptr && !thread->python.empty()) return work_for(thread->tid, submitter_->reason());
    }
    for (const ThreadLink& link : links_) {
      const Thread* thread = thread_of(link.tid);
      if (thread != nullptr && waits_in_tensorflow(*thread)) return work_for(thread->tid, link.reason());
    }
    if (submitter_) {
      for (const ThreadLink& link : find_thread_links(snapshot_, threads_, view_, submitter_->tid)) {
        const Thread* thread = thread_of(link.tid);
        if (thread != nullptr && waits_in_tensorflow(*thread))
          return work_for(thread->tid,
                          fmt::format("thread {}, which submitted its work, was started from there", submitter_->tid));
      }
    }
    const auto waits = [&](const Thread& t) { return waits_in_tensorflow(t); };
    if (std::count_if(threads_.begin(), threads_.end(), waits) != 1) return;
    const auto only = std::find_if(threads_.begin(), threads_.end(), waits);
    work_for(only->tid, "the only Python thread that waits in TensorFlow");
  }

  bool waits_in_tensorflow(const Thread& thread) const {
    return thread.tid != crashed_->tid && !thread.python.empty() &&
           (has_native_frames_of_tensorflow(thread) || runs_tensorflow_python(thread.python));
  }

  void work_for(int tid, std::string reason) {
    works_for_ = tid;
    works_for_reason_ = std::move(reason);
  }

  // No kernel was found, but the op that the Python thread waits for is known: the work may be another op's.
  bool from_python_of_submitter() {
    const Thread* thread = works_for_ ? thread_of(*works_for_) : nullptr;
    const auto op = thread != nullptr ? op_in_python_frames(thread->python, snapshot_.root) : std::nullopt;
    if (!op) return false;
    framework_.op = op->name;
    framework_.found_by = "python-frame";
    framework_.confidence = kPossible;
    return true;
  }

  void add_phase() {
    framework_.phase = phase_;
    const bool kernel = framework_.found_by == "kernel-object";
    // The eager runtime may wrap the op it was asked for into a function: what counts is that Python calls the op.
    if (kernel && (phase_.empty() || phase_ == "graph") && python_calls_op()) framework_.phase = "eager";
    // Of a call that has ended, half of what it was may be overwritten; that Python is calling a function is not.
    const bool in_function = in_function_ || (leftover_ && runs_function(crashed_->python));
    if (framework_.phase.empty() && kernel) framework_.phase = in_function ? "graph" : "eager";
    if (framework_.phase.empty() && framework_.op.empty() && is_importing()) framework_.phase = "import";
  }

  bool python_calls_op() const {
    const Thread* caller = works_for_ ? thread_of(*works_for_) : crashed_;
    const auto called = op_in_python_frames(caller->python, snapshot_.root);
    return called && !called->is_api && called->name == framework_.op;
  }

  bool is_importing() const {
    return runs_tensorflow_python(crashed_->python) &&
           std::any_of(crashed_->python.begin(), crashed_->python.end(),
                       [](const PythonFrame& f) { return f.function == "<module>" && f.origin == "package"; });
  }

  const Snapshot& snapshot_;
  const std::vector<Thread>& threads_;
  TargetView view_;
  RttiReader rtti_;
  Objects objects_;

  const Thread* crashed_ = nullptr;
  bool took_part_ = false;
  ThreadWords words_;
  std::string phase_;
  std::optional<PythonOp> python_;
  std::vector<ThreadLink> links_;
  std::vector<KernelCall> own_calls_;
  std::optional<ThreadLink> submitter_;
  bool in_function_ = false;
  bool leftover_ = false;  // the op had ended when the thread died
  Framework framework_;
  std::optional<int> works_for_;
  std::string works_for_reason_;
};

}  // namespace

FrameworkReading read_tensorflow(const Snapshot& snapshot, const std::vector<Thread>& threads,
                                 const std::vector<Module>& modules) {
  const auto crashed = std::find_if(threads.begin(), threads.end(), [](const Thread& t) { return t.crashed; });
  const Installation installation = find_installation(snapshot, modules);
  if (!installation.loaded || crashed == threads.end()) return {};
  const bool seen = has_native_frames_of_tensorflow(*crashed) || runs_tensorflow_python(crashed->python);
  const bool hidden = stack_is_lost(*crashed) && crashed->python.empty();

  const Layout* layout = layout_of(installation.version);
  Reading reading(snapshot, threads, layout);
  reading.run(*crashed, seen || hidden);
  Framework& framework = reading.framework();
  if (!seen && framework.op.empty()) return {};
  framework.name = "tensorflow";
  framework.version = installation.version;
  add_created_at(snapshot, *crashed, framework);
  if (layout == nullptr)
    framework.notes.push_back(installation.version.empty()
                                  ? "The version of TensorFlow could not be found; inputs were not read."
                                  : "This version of TensorFlow is not known to Segwhy; inputs were not read.");
  return {std::move(framework), reading.works_for(), reading.works_for_reason()};
}

}  // namespace segwhy::tensorflow
