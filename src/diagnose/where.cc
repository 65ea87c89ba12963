#include "diagnose/where.h"

#include <algorithm>

namespace segwhy {
namespace {

// Code given as a string: `python -c`, but also what packages generate.
bool is_text_program(std::string_view file) {
  return file.starts_with("<string>");
}

// AutoGraph rewrites a function `f` as `tf__f` into a temporary file, whose calls go through its own module `ag__`.
bool is_rewritten(const PythonFrame& frame) {
  const auto dot = frame.function.rfind('.');
  const std::string_view name = std::string_view(frame.function).substr(dot == std::string::npos ? 0 : dot + 1);
  return name.starts_with("tf__") || text::contains(frame.source, "ag__.");
}

bool is_user_frame(const PythonFrame& frame) {
  if (is_rewritten(frame)) return false;
  return frame.origin.empty() ? is_user_file(frame.file) : frame.origin == "user" && is_user_file(frame.file);
}

// The first of the frames that is the user's; one without a file only when no other is.
template <class Iterator, class Test>
Iterator innermost_user(Iterator begin, Iterator end, Test is_user) {
  const auto with_file =
      std::find_if(begin, end, [&](const auto& f) { return is_user(f) && !is_text_program(f.file); });
  return with_file != end ? with_file : std::find_if(begin, end, is_user);
}

SourceLine source_line(const text::TracebackFrame& frame) {
  return SourceLine{frame.file, frame.line, frame.function, frame.source};
}

// A traceback is printed outermost first.
std::optional<SourceLine> user_line(const text::Traceback& traceback) {
  const auto& frames = traceback.frames;
  const auto frame = innermost_user(frames.rbegin(), frames.rend(),
                                    [](const text::TracebackFrame& f) { return is_user_file(f.file); });
  return frame == frames.rend() ? std::nullopt : std::optional(source_line(*frame));
}

const Thread* thread_of(const Case& evidence, int tid) {
  for (const Thread& thread : evidence.threads)
    if (thread.tid == tid) return &thread;
  return nullptr;
}

// For a thread without a line of the user's: the thread it works for; else the only other one that runs Python, else
// the main one.
Location borrowed(const Case& evidence, const Thread& crashed) {
  if (crashed.works_for_tid) {
    if (const Thread* owner = thread_of(evidence, *crashed.works_for_tid))
      if (auto line = user_line(*owner)) return {std::move(line), crashed.works_for_reason};
  }
  const Thread* main = nullptr;
  const Thread* only = nullptr;
  int with_python = 0;
  for (const Thread& thread : evidence.threads) {
    if (&thread == &crashed || thread.python.empty()) continue;
    ++with_python;
    only = &thread;
    if (thread.is_main) main = &thread;
  }
  const Thread* chosen = with_python == 1 ? only : main;
  if (chosen == nullptr) return {};
  if (auto line = user_line(*chosen))
    return {.line = std::move(line),
            .reason = "The thread that died runs no code of the user's own; this is where " +
                      std::string(chosen->is_main ? "the main thread" : "the only other Python thread") +
                      " was at that moment.",
            .bystander = true};
  return {};
}

Location from_text(const text::TextFacts& text) {
  for (const text::TracebackFrame& frame : text.fault_stack)
    if (is_user_file(frame.file)) return {source_line(frame), "Taken from the stack the program printed."};
  return {};
}

// A program without an interpreter: its own native code stands in for the script.
bool has_python(const Case& evidence) {
  return !evidence.program.python.empty() || std::any_of(evidence.threads.begin(), evidence.threads.end(),
                                                         [](const Thread& t) { return !t.python.empty(); });
}

// Of a process that ended by an exception: the last traceback's own line, else that of the one it was raised from.
Location from_tracebacks(const text::TextFacts& text) {
  const text::Traceback* last = text.final_traceback();
  if (last == nullptr) return {};
  for (const text::Traceback* t = last;; --t) {
    if (auto line = user_line(*t)) return {std::move(line), {}};
    if (!t->chained || t == text.tracebacks.data()) return {};
  }
}

}  // namespace

std::optional<SourceLine> user_line(const Thread& thread, std::size_t first) {
  const auto begin = thread.python.begin() + static_cast<std::ptrdiff_t>(std::min(first, thread.python.size()));
  auto frame = innermost_user(begin, thread.python.end(), is_user_frame);
  if (frame == thread.python.end()) return std::nullopt;
  // A call that did not get to run its function says more than the line that defines it.
  const auto calling = std::next(frame);
  if (frame->called_only && calling != thread.python.end() && is_user_frame(*calling)) frame = calling;
  return SourceLine{frame->file, frame->line, frame->function, frame->source};
}

std::optional<SourceLine> user_line(const std::vector<NativeFrame>& stack) {
  const auto frame = std::find_if(stack.begin(), stack.end(), [](const NativeFrame& f) { return f.origin == "user"; });
  if (frame == stack.end()) return std::nullopt;
  return SourceLine{frame->file, frame->line, frame->short_name, frame->source};
}

bool is_user_file(std::string_view path) {
  using text::contains_any;
  if (path.empty()) return false;
  if (path.front() == '<')
    return path.starts_with("<stdin>") || path.starts_with("<string>") || path.starts_with("<ipython");
  // Cython names its sources relative to the package's build; no program runs them by that name.
  if (path.ends_with(".pyx") || path.ends_with(".pxd") || path.ends_with(".pxi")) return false;
  if (contains_any(path, {"/site-packages/", "/dist-packages/", "__autograph_generated_file", "importlib/_bootstrap"}))
    return false;
  // .../lib/python3.11/threading.py, also of a virtual environment or a framework build.
  return !contains_any(path, {"/lib/python3.", "/lib64/python3.", "/lib/python3/"});
}

Location find_where(const Case& evidence, const text::TextFacts& text) {
  if (evidence.death.kind == "exit") return from_tracebacks(text);
  const Thread* crashed = crashed_thread(evidence);
  if (crashed == nullptr) {
    for (const Thread& thread : evidence.threads)
      if (thread.is_main)
        if (auto line = user_line(thread)) return {std::move(line), "Where the main thread was when it was looked at."};
    return from_text(text);
  }
  if (auto line = user_line(*crashed)) return {std::move(line), {}};
  if (!has_python(evidence)) return {.line = user_line(crashed->native), .reason = {}, .native = true};
  Location location = borrowed(evidence, *crashed);
  return location.line ? location : from_text(text);
}

}  // namespace segwhy
