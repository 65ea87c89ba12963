#include "capture/live_process.h"

#include <algorithm>
#include <tuple>

#include "base/file.h"
#include "base/text.h"
#include "capture/limits_text.h"
#include "capture/maps.h"
#include "capture/procfs.h"
#include "capture/stack_bounds.h"
#include "elf/core_notes.h"

namespace segwhy {

void describe_process(int pid, Snapshot& snapshot, std::vector<std::string>& notes) {
  const auto maps = read_file(proc_path(pid, "maps"));
  if (maps) {
    snapshot.mappings = parse_maps(*maps);
  } else {
    notes.push_back("the memory map of the process could not be read: " + maps.error().what);
  }
  snapshot.executable = read_link(proc_path(pid, "exe"));
  snapshot.root = root_of(pid);
  snapshot.auxv = parse_auxv(ByteView(read_proc(proc_path(pid, "auxv"))));
}

ThreadDescriber::ThreadDescriber(const LocatedProcess& process, const Snapshot& snapshot)
    : process_(process), snapshot_(snapshot) {
  const auto limits = parse_limits(read_proc(proc_path(process.pid, "limits")));
  const auto stack = limits.find("stack");
  if (stack != limits.end()) stack_limit_ = stack->second.soft;
}

ThreadSnapshot ThreadDescriber::describe(int tid, const std::optional<Registers>& registers) const {
  ThreadSnapshot thread;
  thread.tid = own_tid(process_, tid);
  thread.name = trim(read_proc(task_path(process_.pid, tid, "comm")));
  thread.registers_known = registers.has_value();
  if (!registers) return thread;
  thread.registers = *registers;
  const StackBounds stack = find_stack(snapshot_.mappings, *registers, stack_limit_);
  thread.stack_start = stack.start;
  thread.stack_end = stack.end;
  return thread;
}

void sort_threads(Snapshot& snapshot) {
  std::sort(snapshot.threads.begin(), snapshot.threads.end(), [&](const ThreadSnapshot& a, const ThreadSnapshot& b) {
    const auto rank = [&](const ThreadSnapshot& t) { return std::tuple(!t.crashed, t.tid != snapshot.pid, t.tid); };
    return rank(a) < rank(b);
  });
}

}  // namespace segwhy
