#include "frameworks/tensorflow/kernel_search.h"

#include <algorithm>
#include <bitset>
#include <unordered_map>
#include <unordered_set>

namespace segwhy::tensorflow {
namespace {

constexpr std::uint64_t kStackSearched = 64 << 10;
// Kernels with arrays of their own on the stack; only looked at when nothing lies nearer.
constexpr std::uint64_t kStackSearchedAtMost = 1 << 20;
constexpr std::uint64_t kPointersFollowed = 16 << 10;  // bytes of stack whose words are followed
constexpr std::uint64_t kBelowSearched = 64 << 10;
constexpr std::uint64_t kBehindPointer = 512;
constexpr std::uint64_t kFrameSearched = 2048;
constexpr std::uint64_t kCaptured = 64;  // bytes of a lambda's captures that may hold the context
constexpr std::size_t kMaxCalls = 32;
constexpr std::size_t kMaxNodes = 32;

// Params at `params`, if its kernel and device are what RTTI says they must be.
std::optional<KernelCall> read_call(Objects& objects, std::uint64_t params) {
  const Layout* layout = objects.layout();
  const std::uint64_t kernel_at = layout != nullptr ? layout->params_kernel : 0;
  const std::uint64_t device_at = layout != nullptr ? layout->params_device : 8;
  const auto kernel = objects.view().word(params + kernel_at);
  const auto device = objects.view().word(params + device_at);
  if (!kernel || !device || !objects.is_kernel(*kernel) || !objects.is_device(*device)) return std::nullopt;
  auto read = objects.read_kernel(*kernel);
  if (!read) return std::nullopt;
  KernelCall out;
  out.kernel = std::move(*read);
  out.params = params;
  out.device = *device;
  if (layout == nullptr) return out;
  out.in_function = objects.view().word(params + layout->params_call_frame).value_or(0) != 0;
  if (auto inputs = objects.read_inputs(params, out.kernel)) {
    out.inputs_known = true;
    out.inputs = std::move(*inputs);
    out.sound = std::all_of(out.inputs.begin(), out.inputs.end(), [](const Input& i) { return i.sound; });
  }
  return out;
}

// Collects calls once each, in the order found.
class Calls {
 public:
  explicit Calls(Objects& objects, bool on_stack) : objects_(objects), on_stack_(on_stack) {}

  [[nodiscard]] bool full() const { return found_.size() >= kMaxCalls; }
  [[nodiscard]] std::vector<KernelCall> take() { return std::move(found_); }

  // `at` is where the pointer to the kernel would be.
  void try_kernel_at(std::uint64_t at) {
    const Layout* layout = objects_.layout();
    try_params(at - (layout != nullptr ? layout->params_kernel : 0));
  }
  void try_context(std::uint64_t context) {
    const Layout* layout = objects_.layout();
    if (layout == nullptr || !objects_.view().may_hold_object(context)) return;
    if (const auto params = objects_.view().word(context + layout->context_params))
      if (objects_.view().may_hold_object(*params)) try_params(*params);
  }

 private:
  void try_params(std::uint64_t params) {
    if (full() || !seen_.insert(params).second) return;
    auto call = read_call(objects_, params);
    if (!call) return;
    call->on_stack = on_stack_;
    found_.push_back(std::move(*call));
  }

  Objects& objects_;
  bool on_stack_;
  std::unordered_set<std::uint64_t> seen_;
  std::vector<KernelCall> found_;
};

// Which words have been looked at: what pointers point to overlaps, a page or two behind most of them.
class SeenWords {
 public:
  bool test_and_set(std::uint64_t address) {
    auto& page = pages_[address / kPage];
    const std::size_t word = address % kPage / 8;
    const bool before = page.test(word);
    page.set(word);
    return before;
  }

 private:
  static constexpr std::uint64_t kPage = 4096;
  std::unordered_map<std::uint64_t, std::bitset<kPage / 8>> pages_;
};

// Words of the registers, then of the first `size` bytes of the stack.
std::vector<std::uint64_t> inner_words(TargetView& view, const ThreadWords& words, std::uint64_t size) {
  std::vector<std::uint64_t> out = words.registers;
  const std::uint64_t end = std::min(words.end, words.begin + size);
  for (std::uint64_t at = words.begin; at + 8 <= end; at += 8) {
    const auto word = view.word(at);
    if (!word) break;
    out.push_back(*word);
  }
  return out;
}

}  // namespace

ThreadWords words_of(const ThreadSnapshot& thread, TargetView& view) {
  ThreadWords out;
  out.tid = thread.tid;
  if (!thread.registers_known) return out;
  const auto& registers = thread.registers.dwarf;
  out.registers.assign(registers.begin(), registers.end());
  const std::uint64_t sp = thread.registers.sp().value() & ~std::uint64_t{7};
  const Mapping* in = view.mapping(sp);
  if (in == nullptr) return out;
  out.begin = sp;
  const std::uint64_t known_end = thread.stack_end.value();
  out.end = known_end > sp && known_end <= in->end.value() ? known_end : in->end.value();
  return out;
}

std::vector<KernelCall> calls_on_stack(Objects& objects, const ThreadWords& words) {
  Calls calls(objects, true);
  std::vector<KernelCall> out;
  std::uint64_t at = words.begin;
  for (const std::uint64_t reach : {kStackSearched, kStackSearchedAtMost}) {
    const std::uint64_t end = std::min(words.end, words.begin + reach);
    for (; at + 16 <= end && !calls.full(); at += 8) {
      const auto word = objects.view().word(at);
      if (!word) return calls.take();
      if (objects.is_kernel(*word)) calls.try_kernel_at(at);
    }
    out = calls.take();
    if (!out.empty()) break;
  }
  return out;
}

std::vector<KernelCall> calls_behind_pointers(Objects& objects, const ThreadWords& words) {
  Calls calls(objects, false);
  TargetView& view = objects.view();
  SeenWords seen;
  for (const std::uint64_t pointer : inner_words(view, words, kPointersFollowed)) {
    // The thread's own stack is searched as such.
    if (pointer % 8 != 0 || (pointer >= words.begin && pointer < words.end)) continue;
    const Mapping* in = view.mapping(pointer);
    if (in == nullptr || !in->readable || !in->writable) continue;
    calls.try_context(pointer);
    const std::uint64_t end = std::min(pointer + kBehindPointer, in->end.value());
    for (std::uint64_t at = pointer; at + 16 <= end && !calls.full(); at += 8) {
      if (seen.test_and_set(at)) continue;
      const auto word = view.word(at);
      if (!word) break;
      if (objects.is_kernel(*word)) calls.try_kernel_at(at);
      if (at < pointer + kCaptured) calls.try_context(*word);
    }
  }
  return calls.take();
}

std::vector<TensorInfo> outputs_of(Objects& objects, const ThreadWords& words, const KernelCall& call) {
  if (objects.layout() == nullptr || call.params == 0) return {};
  const std::uint64_t params_at = objects.layout()->context_params;
  TargetView& view = objects.view();
  std::unordered_set<std::uint64_t> seen;
  const auto made_by = [&](std::uint64_t context) -> std::vector<TensorInfo> {
    if (!view.may_hold_object(context) || !seen.insert(context).second) return {};
    if (view.word(context + params_at) != call.params) return {};
    return objects.read_outputs(context, call.kernel).value_or(std::vector<TensorInfo>());
  };
  for (const std::uint64_t pointer : inner_words(view, words, kStackSearched))
    if (auto outputs = made_by(pointer); !outputs.empty()) return outputs;
  // The context itself, where nothing points to it any more: near its Params.
  const std::uint64_t start = std::max(words.begin, call.params - std::min(call.params, kStackSearched));
  const std::uint64_t end = std::min(words.end, call.params + kStackSearched);
  for (std::uint64_t at = start; call.on_stack && at + 8 <= end; at += 8) {
    if (view.word(at) != call.params) continue;
    if (auto outputs = made_by(at - params_at); !outputs.empty()) return outputs;
  }
  return {};
}

std::vector<Node> nodes_on_stack(Objects& objects, const ThreadWords& words) {
  std::vector<Node> out;
  std::unordered_set<std::uint64_t> seen;
  const auto consider = [&](std::uint64_t object) {
    if (out.size() >= kMaxNodes || !seen.insert(object).second) return;
    if (auto node = objects.read_node_def(object)) out.push_back(std::move(*node));
  };
  for (const std::uint64_t word : words.registers) consider(word);
  const std::uint64_t end = std::min(words.end, words.begin + kStackSearched);
  for (std::uint64_t at = words.begin; at + 8 <= end; at += 8) {
    consider(at);  // a NodeDef by value
    const auto word = objects.view().word(at);
    if (!word) break;
    consider(*word);
  }
  return out;
}

std::vector<KernelCall> calls_left_below(Objects& objects, const ThreadWords& words) {
  Calls calls(objects, true);
  const std::uint64_t start = words.begin > kBelowSearched ? words.begin - kBelowSearched : 0;
  for (std::uint64_t at = words.begin; at > start && !calls.full(); at -= 8) {
    const auto word = objects.view().word(at);
    if (!word) break;
    if (objects.is_kernel(*word)) calls.try_kernel_at(at);
  }
  return calls.take();
}

std::vector<Node> nodes_in_hand(Objects& objects, const ThreadWords& words, std::uint64_t frame_end) {
  std::vector<Node> out;
  if (objects.layout() == nullptr) return out;
  std::unordered_set<std::uint64_t> seen;
  const auto consider = [&](std::uint64_t props) {
    if (!objects.view().may_hold_object(props) || !seen.insert(props).second) return;
    if (auto node = objects.read_node_properties(props)) out.push_back(std::move(*node));
  };
  const std::uint64_t frame = frame_end > words.begin ? std::min(frame_end - words.begin, kFrameSearched) : 0;
  for (const std::uint64_t pointer : inner_words(objects.view(), words, frame)) {
    if (!objects.view().may_hold_object(pointer)) continue;
    consider(pointer);
    consider(objects.view().word(pointer + objects.layout()->graph_node_props).value_or(0));
  }
  return out;
}

bool runs_kernel(Objects& objects, const std::vector<NativeFrame>& frames, const Kernel& kernel) {
  const std::vector<std::uint64_t> functions = objects.virtual_functions(kernel.address);
  const std::string prefix = demangled_type(kernel.class_name) + "::";
  return std::any_of(frames.begin(), frames.end(), [&](const NativeFrame& f) {
    if (!f.function_offset || f.inlined) return f.function.find(prefix) != std::string::npos;
    const bool virtual_call =
        std::find(functions.begin(), functions.end(), f.pc - *f.function_offset) != functions.end();
    return virtual_call || f.function.find(prefix) != std::string::npos;
  });
}

bool may_run_kernel(Objects& objects, const std::vector<NativeFrame>& frames, const Kernel& kernel) {
  TargetView& view = objects.view();
  for (const std::uint64_t function : objects.virtual_functions(kernel.address)) {
    const Mapping* code = view.mapping(function);
    if (code == nullptr) continue;
    const bool unseen = std::any_of(frames.begin(), frames.end(), [&](const NativeFrame& f) {
      return f.function.empty() && code->contains(TargetAddr(f.pc));
    });
    if (unseen) return true;
  }
  return false;
}

}  // namespace segwhy::tensorflow
