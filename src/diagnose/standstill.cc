#include "diagnose/standstill.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/text.h"
#include "diagnose/frames.h"
#include "diagnose/narrate.h"
#include "diagnose/where.h"

namespace segwhy {
namespace {

const OtherProcess* other_process(const Case& evidence, int pid) {
  const auto it = std::find_if(evidence.processes.begin(), evidence.processes.end(),
                               [pid](const OtherProcess& p) { return p.pid == pid; });
  return it == evidence.processes.end() ? nullptr : &*it;
}

const std::vector<Thread>* threads_of(const Case& evidence, int pid) {
  if (pid == evidence.program.pid) return &evidence.threads;
  const OtherProcess* const other = other_process(evidence, pid);
  return other == nullptr ? nullptr : &other->threads;
}

std::string who(const Case& evidence, const StuckThread& stuck) {
  const Thread* const thread = frames_of(evidence, stuck);
  const std::string process = "process " + std::to_string(stuck.pid);
  if (stuck.tid == stuck.pid) return "The main thread of " + process;
  const std::string name = thread == nullptr || thread->name.empty() ? "" : " (" + thread->name + ")";
  return fmt::format("Thread {}{} of {}", stuck.tid, name, process);
}

std::string others(const StuckThread& stuck) {
  std::vector<std::string> pids;
  for (const ThreadRef& waker : stuck.wakers) pids.push_back(std::to_string(waker.pid));
  if (pids.size() == 1 && stuck.wakers.front().pid == stuck.pid) return "its own process";
  return fmt::format("{} {}", pids.size() == 1 ? "process" : "processes", fmt::join(pids, ", "));
}

std::string for_what(const Case& evidence, const StuckThread& stuck) {
  const std::string object = stuck.object.empty() ? "" : " " + stuck.object;
  if (stuck.absent_holder) return fmt::format("a mutex held by thread {}, which is not in it", *stuck.absent_holder);
  if (stuck.kind == "mutex") return "a mutex held by" + object;
  if (stuck.kind == "gil") return "the GIL, held by" + object;
  if (stuck.kind == "join") return object.substr(1) + " to end";
  if (stuck.kind == "child") return (object.empty() ? "any child" : object.substr(1)) + " to end";
  if (stuck.kind == "file-lock") return "a file lock held by" + object;
  if (stuck.kind == "write") return fmt::format("room in{}, which only {} can read", object, others(stuck));
  if (stuck.kind == "read") return fmt::format("data from{}, to which only {} can write", object, others(stuck));
  if (stuck.kind == "poll") return "descriptors that only " + others(stuck) + " can serve";
  if (stuck.kind == "shared-lock") return "a lock that only " + others(stuck) + " can release";
  if (thread_count(evidence, stuck.pid) == 1) return "a lock that no thread of it can release: there is no other";
  return "a lock that only its own threads can release";
}

}  // namespace

std::vector<Knot> knots_of(const Case& evidence) {
  std::vector<Knot> knots;
  for (const StuckThread& stuck : evidence.stuck) {
    if (!stuck.knot) continue;
    const auto same =
        std::find_if(knots.begin(), knots.end(), [&](const Knot& k) { return k.front()->knot == stuck.knot; });
    if (same == knots.end())
      knots.push_back({&stuck});
    else
      same->push_back(&stuck);
  }
  return knots;
}

const Thread* frames_of(const Case& evidence, const StuckThread& stuck) {
  const std::vector<Thread>* const threads = threads_of(evidence, stuck.pid);
  if (threads == nullptr) return nullptr;
  const auto it = std::find_if(threads->begin(), threads->end(), [&](const Thread& t) { return t.tid == stuck.tid; });
  return it == threads->end() ? nullptr : &*it;
}

const Fork* fork_of(const Case& evidence, int pid) {
  if (pid == evidence.program.pid) return &evidence.program.fork;
  const OtherProcess* const other = other_process(evidence, pid);
  return other == nullptr ? nullptr : &other->fork;
}

std::size_t thread_count(const Case& evidence, int pid) {
  const std::vector<Thread>* const threads = threads_of(evidence, pid);
  return threads == nullptr ? 0 : threads->size();
}

bool is_stuck(const Case& evidence, int pid, int tid) {
  return std::any_of(evidence.stuck.begin(), evidence.stuck.end(),
                     [&](const StuckThread& s) { return s.pid == pid && s.tid == tid; });
}

bool may_be_idle(const Case& evidence, const StuckThread& stuck) {
  if (stuck.kind == "poll") return true;
  if (stuck.named || (stuck.kind != "lock" && stuck.kind != "shared-lock")) return false;
  const Thread* const thread = frames_of(evidence, stuck);
  if (thread == nullptr || thread->python.empty()) return true;
  const std::string& function = thread->python.front().function;
  return function == "Condition.wait" || function == "wait" || function == "Event.wait";
}

std::string describe(const Case& evidence, const StuckThread& stuck) {
  std::string text = who(evidence, stuck) + " waits";
  const Thread* const thread = frames_of(evidence, stuck);
  if (thread == nullptr) return text + " for " + for_what(evidence, stuck) + ".";
  const auto line = user_line(*thread);
  if (line && line->line) text += " at " + short_place(line->file, line->line);
  text += " for " + for_what(evidence, stuck);
  if (!thread->python.empty() && (!line || thread->python.front().function != line->function))
    text += fmt::format(", in {}", thread->python.front().function);
  else if (const NativeFrame* frame = culprit_frame(*thread); !line && frame != nullptr)
    text += fmt::format(", in {}", describe(*frame));
  return text + ".";
}

std::optional<SourceLine> forking_line(const Thread& main) {
  const auto fork = std::find_if(main.python.begin(), main.python.end(), [](const PythonFrame& f) {
    return base_name(f.file) == "popen_fork.py" && f.function.ends_with("_launch");
  });
  if (fork == main.python.end()) return std::nullopt;
  return user_line(main, static_cast<std::size_t>(fork - main.python.begin()) + 1);
}

}  // namespace segwhy
