#include "pystate/thread_states.h"

#include <algorithm>
#include <set>
#include <utility>

#include "pystate/objects.h"

namespace segwhy::pystate {
namespace {

constexpr std::size_t kMaxInterpreters = 256;
constexpr std::size_t kMaxThreads = 65536;
constexpr int kFirstMinorWithCframe = 11, kLastMinorWithCframe = 12;

class Reader {
 public:
  Reader(MemoryReader& memory, const Layout& layout, TargetAddr runtime)
      : memory_(memory), layout_(layout), runtime_(runtime) {}

  Result<ThreadStates> read() {
    const auto head = memory_.pointer(runtime_ + layout_[Field::kRuntimeInterpretersHead]);
    if (!head) return fail("the Python runtime's state is not readable");
    if (const auto who = memory_.pointer(runtime_ + layout_[Field::kRuntimeFinalizing]))
      out_.finalizing = !who->is_null();
    if (head->is_null()) {
      out_.notes.emplace_back(out_.finalizing.value_or(false) ? "the Python interpreter has ended already"
                                                              : "no Python interpreter has been started");
      return std::move(out_);
    }
    read_interpreters(*head);
    if (!any_interpreter_)
      return fail("the Python interpreter's state is not laid out as in a release build of CPython 3." +
                      std::to_string(layout_.minor),
                  "debug, free-threaded and patched builds are not supported");
    return std::move(out_);
  }

 private:
  void read_interpreters(TargetAddr head) {
    std::set<TargetAddr> seen;
    for (TargetAddr at = head; !at.is_null() && seen.size() < kMaxInterpreters;) {
      const auto next = memory_.pointer(at + layout_[Field::kInterpreterNext]);
      if (!plausible_object(at) || !next || !seen.insert(at).second) {
        out_.notes.emplace_back("the list of Python interpreters is damaged");
        return;
      }
      read_threads(at);
      at = *next;
    }
  }

  void read_threads(TargetAddr interpreter) {
    const auto id = memory_.value<std::int64_t>(interpreter + layout_[Field::kInterpreterId]);
    const auto head = memory_.pointer(interpreter + layout_[Field::kInterpreterThreadsHead]);
    if (!id || !head) return;
    // One without threads is being made or torn down.
    if (head->is_null()) any_interpreter_ = true;
    const TargetAddr holder = gil_holder(interpreter);
    std::set<TargetAddr> seen;
    for (TargetAddr at = *head; !at.is_null() && seen.size() < kMaxThreads;) {
      const auto next = memory_.pointer(at + layout_[Field::kThreadNext]);
      const auto owner = memory_.pointer(at + layout_[Field::kThreadInterpreter]);
      // The state's own pointer back is what tells a thread state from garbage.
      if (!plausible_object(at) || !next || owner != interpreter || !seen.insert(at).second) {
        out_.notes.emplace_back("the list of Python threads is damaged after " + std::to_string(seen.size()));
        return;
      }
      any_interpreter_ = true;
      out_.threads.push_back(read_thread(at, *id, holder));
      at = *next;
    }
  }

  ThreadState read_thread(TargetAddr at, std::int64_t interpreter, TargetAddr gil_holder) {
    ThreadState state;
    state.address = at;
    state.interpreter = interpreter;
    state.pthread = memory_.value<std::uint64_t>(at + layout_[Field::kThreadPthread]).value_or(0);
    if (layout_.has(Field::kThreadNativeId))
      state.native_id = memory_.value<std::uint64_t>(at + layout_[Field::kThreadNativeId]).value_or(0);
    state.holds_gil = at == gil_holder;
    state.innermost_frame = innermost_frame(at);
    return state;
  }

  TargetAddr innermost_frame(TargetAddr thread) {
    const auto frame = memory_.pointer(thread + layout_[Field::kThreadFrame]);
    if (!frame) return {};
    if (layout_.minor < kFirstMinorWithCframe || layout_.minor > kLastMinorWithCframe) return *frame;
    if (!plausible_object(*frame)) return {};
    return memory_.pointer(*frame + layout_[Field::kCframeCurrentFrame]).value_or(TargetAddr());
  }

  // The thread state that holds the lock of `interpreter`, null when none does.
  TargetAddr gil_holder(TargetAddr interpreter) {
    TargetAddr gil = runtime_ + layout_[Field::kRuntimeGil];
    if (!layout_.has(Field::kRuntimeGil))
      gil = memory_.pointer(interpreter + layout_[Field::kInterpreterGil]).value_or(TargetAddr());
    if (gil.is_null()) return {};
    const auto locked = memory_.value<std::int32_t>(gil + layout_[Field::kGilLocked]);
    if (locked != 1) return {};
    return memory_.pointer(gil + layout_[Field::kGilLastHolder]).value_or(TargetAddr());
  }

  MemoryReader& memory_;
  const Layout& layout_;
  TargetAddr runtime_;
  ThreadStates out_;
  bool any_interpreter_ = false;
};

}  // namespace

Result<ThreadStates> read_thread_states(MemoryReader& memory, const Layout& layout, TargetAddr runtime) {
  return Reader(memory, layout, runtime).read();
}

void assign_native_threads(std::vector<ThreadState>& states, const std::vector<ThreadSnapshot>& threads) {
  using Owner = std::pair<int, std::int64_t>;  // native thread, interpreter
  std::set<Owner> taken;
  const auto by_pthread = [](const ThreadState& s, const ThreadSnapshot& t) {
    return t.registers_known && t.registers.fs_base != 0 && t.registers.fs_base == s.pthread;
  };
  const auto by_native_id = [](const ThreadState& s, const ThreadSnapshot& t) {
    return t.tid > 0 && s.native_id == static_cast<std::uint64_t>(t.tid);
  };
  const auto pthread_unknown = [](const ThreadSnapshot& t) { return !t.registers_known || t.registers.fs_base == 0; };
  const auto pass = [&](auto&& agree) {
    for (ThreadState& s : states) {
      if (s.tid != 0) continue;
      const auto t = std::find_if(threads.begin(), threads.end(), [&](const ThreadSnapshot& x) { return agree(s, x); });
      if (t != threads.end() && taken.insert({t->tid, s.interpreter}).second) s.tid = t->tid;
    }
  };
  pass([&](const ThreadState& s, const ThreadSnapshot& t) { return by_pthread(s, t) && by_native_id(s, t); });
  // Before 3.11 there is no native id, and a child of fork may still have its parent's.
  pass(by_pthread);
  pass([&](const ThreadState& s, const ThreadSnapshot& t) { return pthread_unknown(t) && by_native_id(s, t); });
}

}  // namespace segwhy::pystate
