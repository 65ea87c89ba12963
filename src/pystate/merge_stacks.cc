#include <algorithm>
#include <string_view>

#include "base/text.h"
#include "pystate/python_state.h"

namespace segwhy {
namespace {

template <class Names>
bool starts_with_any(std::string_view name, const Names& prefixes) {
  return std::any_of(std::begin(prefixes), std::end(prefixes),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

// "foo" of "foo.part.0", "foo.cold", "foo.constprop.3.isra.0", "foo.lto_priv.7" (names that compilers give to pieces)
// and of "foo@@GLIBC_2.34".
std::string_view base_symbol(const NativeFrame& f) {
  const std::string_view name = f.symbol.empty() ? std::string_view(f.function) : std::string_view(f.symbol);
  return name.substr(0, name.find_first_of(".@"));
}

// A native frame of the evaluation loop. With tail calls between instructions (3.14, clang) the frame has the name of
// the instruction it was left in.
bool is_evaluation(const NativeFrame& f) {
  if (f.inlined) return false;
  const std::string_view name = base_symbol(f);
  return name == "_PyEval_EvalFrameDefault" || name.starts_with("_TAIL_CALL_");
}

bool named_like_interpreter(std::string_view module) {
  const std::string_view name = base_name(module);
  return name.starts_with("libpython") || name.starts_with("python3") || name == "python";
}

// The object that the interpreter is in; empty when none is to be seen on this stack.
std::string_view interpreter_module(const std::vector<NativeFrame>& native) {
  for (const NativeFrame& f : native)
    if (is_evaluation(f)) return f.module;
  for (const NativeFrame& f : native)
    if (named_like_interpreter(f.module)) return f.module;
  return {};
}

// What the interpreter does to get from a call in Python to C code and back: nothing that a reader wants to know.
bool is_call_machinery(std::string_view name) {
  static constexpr std::string_view kPrefixes[] = {"PyEval_",
                                                   "_PyEval_",
                                                   "PyObject_Call",
                                                   "_PyObject_Call",
                                                   "PyObject_Vectorcall",
                                                   "_PyObject_Vectorcall",
                                                   "_PyObject_MakeTpCall",
                                                   "_PyObject_FastCall",
                                                   "PyVectorcall_",
                                                   "_PyVectorcall_",
                                                   "_PyFunction_",
                                                   "function_code_fastcall",
                                                   "cfunction_",
                                                   "method_vectorcall",
                                                   "method_call",
                                                   "vectorcall_",
                                                   "object_vacall",
                                                   "_PyStack_",
                                                   "_PyCFunction_",
                                                   "PyCFunction_",
                                                   "_PyMethodDef_",
                                                   "_PyMethodDescr_",
                                                   "call_function",
                                                   "do_call_core",
                                                   "slot_tp_",
                                                   "slot_nb_",
                                                   "slot_sq_",
                                                   "slot_mp_",
                                                   "wrap_",
                                                   "wrapper_call",
                                                   "wrapperdescr_",
                                                   "classmethoddescr_call",
                                                   "type_call",
                                                   "gen_send_ex",
                                                   "_PyGen_Send",
                                                   "pymain_",
                                                   "Py_RunMain",
                                                   "Py_BytesMain",
                                                   "Py_Main",
                                                   "run_mod",
                                                   "run_eval_code_obj",
                                                   "PyRun_",
                                                   "_PyRun_",
                                                   "pyrun_",
                                                   "builtin_exec",
                                                   "builtin_eval",
                                                   "builtin___import__",
                                                   "PyImport_Import",
                                                   "import_name",
                                                   "t_bootstrap",
                                                   "thread_run",
                                                   "pythread_wrapper",
                                                   "_start",
                                                   "main",
                                                   "_Py_EnterRecursiveCall",
                                                   "_PyVectorcall",
                                                   "py_trampoline"};
  return name.empty() || starts_with_any(name, kPrefixes);
}

// How every thread begins.
bool is_thread_start(std::string_view name) {
  static constexpr std::string_view kNames[] = {
      "_start",  "__libc_start_main", "__libc_start_call_main", "start_thread", "clone", "clone3",
      "__clone", "__clone3"};
  return std::any_of(std::begin(kNames), std::end(kNames), [&](std::string_view n) {
    return name == n || (name.starts_with(n) && name.substr(n.size()).starts_with("_impl"));
  });
}

// Where frames were left out of a long native stack: before the frame whose stack pointer is furthest from the one
// before it. The number of frames when that cannot be told.
std::size_t find_gap(const std::vector<NativeFrame>& native) {
  std::size_t gap = native.size();
  std::uint64_t widest = 0;
  for (std::size_t i = 1; i < native.size(); ++i) {
    if (!native[i].sp || !native[i - 1].sp || *native[i].sp < *native[i - 1].sp) continue;
    const std::uint64_t distance = *native[i].sp - *native[i - 1].sp;
    if (distance <= widest) continue;
    widest = distance;
    gap = i;
  }
  return gap;
}

class Merger {
 public:
  explicit Merger(Thread& t) : t_(t), interpreter_(interpreter_module(t.native)) {
    for (std::size_t i = 0; i < t.native.size(); ++i) {
      if (!is_evaluation(t.native[i])) continue;
      if (evaluations_++ == 0) first_internal_ = i;
      last_internal_ = i + 1;
    }
    if (evaluations_ == 0) {
      place_python_without_evaluations();
    } else if (t.native_truncated) {
      place_python_of_the_gap();
    } else if (!t.python_depth) {
      // All frames of both kinds are known: a surplus of native ones has not linked its Python frame yet.
      const std::size_t entries = count_entries();
      ahead_ = evaluations_ > entries ? evaluations_ - entries : 0;
    }
  }

  void run() {
    t_.merged.clear();
    for (std::size_t i = 0; i < t_.native.size(); ++i) {
      if (i == gap_) emit_python(gap_python_end_);
      if (is_evaluation(t_.native[i])) {
        emit_python_run();
      } else if (keep(i)) {
        t_.merged.push_back({false, static_cast<std::uint32_t>(i)});
      }
    }
    // Those of native evaluation frames that were not unwound, or not recognised.
    emit_python(t_.python.size());
  }

 private:
  // Every evaluation frame is without a name (all is stripped): Python goes where the interpreter is entered.
  void place_python_without_evaluations() {
    for (std::size_t i = 0; i < t_.native.size(); ++i) {
      if (!in_interpreter(i)) continue;
      if (gap_ == kNowhere) gap_ = first_internal_ = i;
      last_internal_ = i + 1;
    }
    gap_python_end_ = t_.python.size();
  }

  // The evaluation frames before the gap run the innermost Python frames, those after it the outermost ones; what is
  // between them goes into the gap.
  void place_python_of_the_gap() {
    const std::size_t gap = find_gap(t_.native);
    const auto after = static_cast<std::size_t>(
        std::count_if(t_.native.begin() + static_cast<std::ptrdiff_t>(gap), t_.native.end(), is_evaluation));
    std::size_t skip = count_entries();
    if (skip < evaluations_) return;  // fewer Python frames than that are known: the innermost fit
    skip -= after;
    gap_ = gap;
    while (skip > 0)
      if (t_.python[gap_python_end_++].entry) --skip;
  }

  [[nodiscard]] std::size_t count_entries() const {
    return static_cast<std::size_t>(
        std::count_if(t_.python.begin(), t_.python.end(), [](const PythonFrame& f) { return f.entry; }));
  }

  [[nodiscard]] bool in_interpreter(std::size_t i) const {
    return !interpreter_.empty() && t_.native[i].module == interpreter_;
  }

  // Of the interpreter, only what it was doing itself when the thread stopped is of interest.
  [[nodiscard]] bool keep(std::size_t i) const {
    const std::string_view name = base_symbol(t_.native[i]);
    if (i >= last_internal_ && is_thread_start(name)) return false;
    if (!in_interpreter(i)) return true;
    return i < first_internal_ && !is_call_machinery(name);
  }

  // Up to the Python frame `end`, not included.
  void emit_python(std::size_t end) {
    for (; next_ < end; ++next_) t_.merged.push_back({true, static_cast<std::uint32_t>(next_)});
  }

  // The Python frames that one native evaluation frame runs: up to the one it was entered with.
  void emit_python_run() {
    if (ahead_ > 0) {
      --ahead_;
      return;
    }
    std::size_t end = next_;
    while (end < t_.python.size() && !t_.python[end].entry) ++end;
    emit_python(std::min(end + 1, t_.python.size()));
  }

  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

  Thread& t_;
  std::string_view interpreter_;
  std::size_t evaluations_ = 0;
  std::size_t first_internal_ = 0, last_internal_ = 0;  // native frames [first, last) begin and end in the interpreter
  std::size_t gap_ = kNowhere;                          // native frame before which ...
  std::size_t gap_python_end_ = 0;                      // ... the Python frames up to this one belong
  std::size_t ahead_ = 0;                               // innermost native evaluations without a Python frame
  std::size_t next_ = 0;                                // Python frame to emit
};

}  // namespace

void merge_stacks(Thread& t) {
  if (!t.python.empty()) return Merger(t).run();
  t.merged.clear();
  for (std::size_t i = 0; i < t.native.size(); ++i) t.merged.push_back({false, static_cast<std::uint32_t>(i)});
}

}  // namespace segwhy
