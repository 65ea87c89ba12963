#include "assemble/assemble.h"

#include <algorithm>
#include <string>
#include <utility>

#include "assemble/block_tensor.h"
#include "assemble/cxx_exception.h"
#include "assemble/native_stacks.h"
#include "assemble/python_stacks.h"
#include "capture/environment.h"
#include "decode/decode.h"
#include "frameworks/framework.h"
#include "pystate/python_state.h"
#include "pystate/source_files.h"

namespace segwhy {
namespace {

void note(Case& into, const Error& error) {
  into.capture.limits.push_back(error.hint.empty() ? error.what : error.what + " (" + error.hint + ")");
}

// Where relative names of scripts are looked for.
std::vector<std::string> script_directories(const Case& evidence) {
  if (evidence.program.cwd.empty()) return {};
  return {evidence.program.cwd};
}

void add_native(const Snapshot& snapshot, Symbolizer& symbolizer, Case& into) {
  auto unwinder = Unwinder::open(snapshot);
  if (!unwinder) return note(into, unwinder.error());
  into.threads = read_native_stacks(snapshot, *unwinder, symbolizer);
  if (into.threads.size() > kMostOtherStacks)
    into.capture.limits.push_back("Of " + std::to_string(into.threads.size()) + " threads, the native stacks of " +
                                  std::to_string(kMostOtherStacks) + " were read.");
}

// The lines of the program's own native code, where the sources are at hand.
void add_native_sources(const Snapshot& snapshot, Case& into) {
  pystate::SourceFiles sources(snapshot.root, script_directories(into));
  for (Thread& thread : into.threads)
    for (NativeFrame& frame : thread.native)
      if (frame.origin == "user" && frame.line) frame.source = sources.line(frame.file, *frame.line);
}

void add_modules(Symbolizer& symbolizer, Case& into) {
  into.program.modules = symbolizer.modules();
  for (const Module& m : into.program.modules)
    if (!m.package.empty()) into.program.packages.emplace(m.package, m.package_version);
}

void add_written_frames(const Snapshot& snapshot, Case& into) {
  restore_written_frames(snapshot, into.threads);
  pystate::SourceFiles sources(snapshot.root, script_directories(into));
  for (Thread& thread : into.threads)
    for (PythonFrame& frame : thread.python)
      if (frame.source.empty() && frame.line) frame.source = sources.line(frame.file, *frame.line);
}

void add_python(const Snapshot& snapshot, Case& into) {
  PythonLimits limits;
  limits.directories = script_directories(into);
  auto state = read_python_state(snapshot, limits);
  if (!state) {
    // That a program is not Python is no loss; that its Python could not be read is.
    if (std::any_of(snapshot.mappings.begin(), snapshot.mappings.end(),
                    [](const Mapping& m) { return m.path.find("python") != std::string::npos; }))
      note(into, state.error());
    return;
  }
  into.program.python = state->version;
  into.program.finalizing = state->finalizing;
  for (std::string& text : state->notes) into.capture.limits.push_back(std::move(text));
  add_python_threads(*state, into.threads);
  add_written_frames(snapshot, into);
}

void add_fault(const Snapshot& snapshot, bool live, Case& into) {
  into.fault = describe_fault(snapshot);
  if (!into.fault) return;
  for (auto* mapping : {&into.fault->inside, &into.fault->below, &into.fault->above})
    if (*mapping && !(*mapping)->path.empty()) describe_mapped_file(**mapping, snapshot.root, into.fault->address);
  auto& inside = into.fault->inside;
  if (!live || !inside || inside->file_size) return;
  if (const Mapping* mapping = snapshot.mapping_of(TargetAddr(inside->start)))
    describe_nameless_file(*inside, *mapping, snapshot.pid);
}

void add_framework(const Snapshot& snapshot, Case& into) {
  FrameworkReading reading = read_framework(snapshot, into.threads, into.program.modules);
  into.framework = std::move(reading.framework);
  const auto crashed =
      std::find_if(into.threads.begin(), into.threads.end(), [](const Thread& t) { return t.crashed; });
  if (crashed != into.threads.end() && reading.works_for_tid) {
    crashed->works_for_tid = reading.works_for_tid;
    crashed->works_for_reason = std::move(reading.works_for_reason);
  }
  if (!into.framework || !into.framework->created_at || !into.framework->created_at->line) return;
  SourceLine& line = *into.framework->created_at;
  line.source = pystate::SourceFiles(snapshot.root, script_directories(into)).line(line.file, *line.line);
}

void add_exception(const Snapshot& snapshot, Case& into) {
  const ThreadSnapshot* thread = snapshot.crashed_thread();
  if (thread == nullptr || !thread->registers_known) return;
  into.messages.exception = find_cxx_exception(snapshot, *thread);
}

void add_recorded(const Snapshot& snapshot, Symbolizer* symbolizer, const history::Query& recorder, Case& into) {
  const history::Naming naming{&snapshot, symbolizer, script_directories(into)};
  history::add_history(recorder, naming, into);
}

}  // namespace

void assemble_from_capture(const Capture& capture, Case& into, const history::Query* recorder) {
  const Snapshot& snapshot = capture.snapshot();
  into.capture.backend = capture.backend();
  into.capture.limits.insert(into.capture.limits.end(), capture.notes().begin(), capture.notes().end());
  auto symbolizer = Symbolizer::open(snapshot);
  if (symbolizer) {
    add_native(snapshot, *symbolizer, into);
    add_native_sources(snapshot, into);
    add_modules(*symbolizer, into);
  } else {
    note(into, symbolizer.error());
  }
  add_python(snapshot, into);
  for (Thread& thread : into.threads) merge_stacks(thread);
  add_fault(snapshot, capture.backend() != std::string_view("core"), into);
  add_exception(snapshot, into);
  add_framework(snapshot, into);
  if (recorder != nullptr) add_recorded(snapshot, symbolizer ? &*symbolizer : nullptr, *recorder, into);
  describe_block_as_tensor(into);
}

}  // namespace segwhy
