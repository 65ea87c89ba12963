#include "pystate/python_state.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "pystate/code_objects.h"
#include "pystate/frame_chain.h"
#include "pystate/layout.h"
#include "pystate/objects.h"
#include "pystate/origin.h"
#include "pystate/runtime_locator.h"
#include "pystate/source_files.h"
#include "pystate/thread_states.h"

namespace segwhy {
namespace {

using pystate::CodeInfo;
using pystate::CodeLocation;
using pystate::CodeObjects;
using pystate::FrameChain;
using pystate::ObjectReader;
using pystate::PythonRuntime;
using pystate::RawFrame;
using pystate::SourceFiles;
using pystate::ThreadState;

constexpr std::size_t kMaxConstants = 64;
constexpr std::uint64_t kMaxConstantLength = 128;
constexpr char kUnreadable[] = "<unreadable>";

// From what was read in memory to frames as they are reported.
class FrameDescriber {
 public:
  FrameDescriber(ObjectReader& objects, const Snapshot& snapshot, const PythonRuntime& runtime,
                 const PythonLimits& limits)
      : codes_(objects),
        root_(snapshot.root),
        stdlib_(pystate::find_stdlib(snapshot, runtime.module, runtime.minor)),
        sources_(snapshot.root, limits.directories),
        constants_of_(limits.constants_of) {}

  [[nodiscard]] CodeObjects& codes() { return codes_; }

  void append(const std::vector<RawFrame>& raw, std::vector<PythonFrame>& to) {
    for (const RawFrame& frame : raw) {
      to.push_back(describe(frame));
      if (to.size() <= constants_of_) to.back().constants = constants(frame.code);
    }
  }

 private:
  PythonFrame describe(const RawFrame& raw) {
    PythonFrame out;
    out.entry = raw.entry;
    const CodeInfo* code = codes_.describe(raw.code);
    if (code == nullptr) {
      out.function = kUnreadable;
      return out;
    }
    out.called_only = !codes_.has_begun(raw.code, raw.instruction);
    const CodeLocation at = codes_.location(raw.code, raw.instruction);
    out.file = to_valid_utf8(code->file);
    out.function = to_valid_utf8(code->function);
    out.line = at.line;
    out.end_line = at.end_line;
    out.column = at.column;
    out.end_column = at.end_column;
    out.origin = pystate::origin_of(code->file, stdlib_, root_);
    if (at.line) out.source = sources_.line(code->file, *at.line);
    return out;
  }

  std::vector<std::string> constants(TargetAddr code) {
    std::vector<std::string> out = codes_.string_constants(code, kMaxConstants, kMaxConstantLength);
    for (std::string& text : out) text = to_valid_utf8(text);
    return out;
  }

  CodeObjects codes_;
  std::string root_;
  std::vector<std::string> stdlib_;
  SourceFiles sources_;
  std::size_t constants_of_;
};

std::string thread_label(const ThreadState& state) {
  return state.tid != 0 ? "thread " + std::to_string(state.tid) : "a Python thread that has no native thread";
}

PythonThread read_thread(const ThreadState& state, ObjectReader& objects, FrameDescriber& describer,
                         const PythonLimits& limits, std::vector<std::string>& notes) {
  PythonThread out;
  out.tid = state.tid;
  out.holds_gil = state.holds_gil;
  const FrameChain chain = pystate::walk_frames(objects, describer.codes(), state.innermost_frame,
                                                {limits.innermost, limits.outermost, limits.count_up_to});
  out.depth = chain.depth;
  describer.append(chain.innermost, out.frames);
  describer.append(chain.outermost, out.frames);
  if (!chain.problem.empty()) notes.push_back(thread_label(state) + ": " + chain.problem);
  return out;
}

// A thread that works for several interpreters has a state in each. A subinterpreter is entered from the main one, so
// its frames are the inner ones.
void add_thread(PythonThread thread, std::vector<PythonThread>& to) {
  const auto same =
      std::find_if(to.begin(), to.end(), [&](const PythonThread& t) { return thread.tid != 0 && t.tid == thread.tid; });
  if (same == to.end()) {
    to.push_back(std::move(thread));
    return;
  }
  same->frames.insert(same->frames.end(), std::make_move_iterator(thread.frames.begin()),
                      std::make_move_iterator(thread.frames.end()));
  same->depth += thread.depth;
  same->holds_gil = same->holds_gil || thread.holds_gil;
}

}  // namespace

Result<PythonState> read_python_state(const Snapshot& snapshot, const PythonLimits& limits) {
  MemoryReader& memory = *snapshot.memory;
  const auto runtime = pystate::locate_runtime(snapshot);
  if (!runtime) return tl::unexpected(runtime.error());
  if (runtime->free_threaded)
    return fail("CPython " + runtime->version + " is a free-threaded build, whose state cannot be read");
  const auto layout = pystate::layout_of(runtime->minor, memory, runtime->address);
  if (!layout) return tl::unexpected(layout.error());
  auto states = pystate::read_thread_states(memory, *layout, runtime->address);
  if (!states) return tl::unexpected(states.error());
  pystate::assign_native_threads(states->threads, snapshot.threads);
  std::stable_sort(states->threads.begin(), states->threads.end(),
                   [](const ThreadState& a, const ThreadState& b) { return a.interpreter > b.interpreter; });

  PythonState out;
  out.version = runtime->version;
  out.finalizing = states->finalizing;
  out.notes = std::move(states->notes);
  ObjectReader objects(memory, *layout);
  FrameDescriber describer(objects, snapshot, *runtime, limits);
  for (const ThreadState& state : states->threads)
    add_thread(read_thread(state, objects, describer, limits, out.notes), out.threads);
  return out;
}

}  // namespace segwhy
