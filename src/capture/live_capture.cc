#include "capture/live_capture.h"

#include <algorithm>
#include <map>

#include "capture/cached_memory.h"
#include "capture/freezer.h"
#include "capture/handler_service.h"
#include "capture/live_process.h"
#include "capture/process_memory.h"
#include "capture/procfs.h"
#include "capture/registers.h"
#include "capture/system_call.h"
#include "capture/thread_pointer.h"

namespace segwhy {
namespace {

// Memory fetched per miss, in pages: a system call here, a hand-over to another process and back there.
constexpr std::size_t kKernelFetch = 2;
constexpr std::size_t kHandlerFetch = wire::kServiceBytes / CachedMemory::kPageSize;

class LiveCapture final : public Capture {
 public:
  LiveCapture(const char* backend, Snapshot snapshot, std::vector<std::string> notes,
              std::unique_ptr<MemoryReader> memory, std::unique_ptr<Freezer> freezer)
      : backend_(backend),
        snapshot_(std::move(snapshot)),
        notes_(std::move(notes)),
        memory_(std::move(memory)),
        freezer_(std::move(freezer)) {
    snapshot_.memory = memory_.get();
  }

  [[nodiscard]] const Snapshot& snapshot() const override { return snapshot_; }
  [[nodiscard]] const char* backend() const override { return backend_; }
  [[nodiscard]] const std::vector<std::string>& notes() const override { return notes_; }
  void release() override {
    if (freezer_) freezer_->release();
  }

 private:
  const char* backend_;
  Snapshot snapshot_;
  std::vector<std::string> notes_;
  std::unique_ptr<MemoryReader> memory_;
  std::unique_ptr<Freezer> freezer_;  // null: the handler backend
};

// A snapshot with all but threads and memory.
Snapshot start_snapshot(int own_pid, const CrashView* view) {
  Snapshot snapshot;
  snapshot.pid = own_pid;
  if (view != nullptr) snapshot.signal = view->crash.signal;
  return snapshot;
}

// Registers that the records know better than the thread itself, which is inside a handler: by its own tid.
std::map<int, Registers> registers_at_faults(const CrashView* view) {
  std::map<int, Registers> out;
  if (view == nullptr) return out;
  for (const WaitingThread& t : view->waiting) out[t.tid] = t.registers;
  out[view->crash.tid] = view->crash.registers;
  return out;
}

void mark_crashed(Snapshot& snapshot, const CrashView* view, const ThreadDescriber& describer) {
  if (view == nullptr) return;
  const auto crashed = std::find_if(snapshot.threads.begin(), snapshot.threads.end(),
                                    [&](const ThreadSnapshot& t) { return t.tid == view->crash.tid; });
  if (crashed != snapshot.threads.end()) {
    crashed->crashed = true;
    return;
  }
  // Not in the list (no /proc, or gone since): the record alone tells of it.
  ThreadSnapshot thread = describer.describe(view->crash.tid, view->crash.registers);
  thread.tid = view->crash.tid;
  thread.crashed = true;
  snapshot.threads.push_back(std::move(thread));
}

TargetAddr readable_address(const Snapshot& snapshot) {
  const auto it =
      std::find_if(snapshot.mappings.begin(), snapshot.mappings.end(), [](const Mapping& m) { return m.readable; });
  return it == snapshot.mappings.end() ? TargetAddr() : it->start;
}

std::string count_of_threads(std::size_t n) {
  return n == 1 ? "1 thread" : std::to_string(n) + " threads";
}

}  // namespace

Result<std::unique_ptr<Capture>> capture_by_ptrace(const LocatedProcess& process, const CrashView* view) {
  auto freezer = Freezer::freeze(process.pid);
  if (!freezer) return tl::unexpected<Error>(freezer.error());
  std::vector<std::string> notes;
  Snapshot snapshot = start_snapshot(own_tid(process, process.pid), view);
  describe_process(process.pid, snapshot, notes);
  auto memory = ProcessMemory::open(process.pid, readable_address(snapshot));
  if (!memory) return tl::unexpected<Error>(memory.error());

  const std::map<int, Registers> at_faults = registers_at_faults(view);
  const ThreadDescriber describer(process, snapshot);
  std::size_t not_stopped = 0;
  for (const FrozenThread& thread : (*freezer)->threads()) {
    std::optional<Registers> registers = thread.registers;
    const auto at_fault = at_faults.find(own_tid(process, thread.tid));
    if (at_fault != at_faults.end()) registers = at_fault->second;
    if (!registers) {
      ++not_stopped;
      registers = registers_from_syscall_text(read_proc(task_path(process.pid, thread.tid, "syscall")));
    }
    snapshot.threads.push_back(describer.describe(thread.tid, registers));
  }
  mark_crashed(snapshot, view, describer);
  sort_threads(snapshot);
  if (not_stopped > 0) {
    notes.push_back(count_of_threads(not_stopped) +
                    " could not be stopped (blocked in the kernel): only pc and stack pointer are known there");
  }
  return std::make_unique<LiveCapture>("ptrace", std::move(snapshot), std::move(notes),
                                       std::make_unique<CachedMemory>(std::move(*memory), kKernelFetch),
                                       std::move(*freezer));
}

Result<std::unique_ptr<Capture>> capture_by_look(const LocatedProcess& process,
                                                 const std::vector<WaitingThread>& waiting) {
  std::vector<std::string> notes;
  Snapshot snapshot = start_snapshot(process.pid, nullptr);
  describe_process(process.pid, snapshot, notes);
  auto memory = ProcessMemory::open(process.pid, readable_address(snapshot));
  if (!memory) return tl::unexpected<Error>(memory.error());
  auto cached = std::make_unique<CachedMemory>(std::move(*memory), kKernelFetch);
  const ThreadDescriber describer(process, snapshot);
  for (const int tid : list_tasks(process.pid)) {
    const auto in_handler =
        std::find_if(waiting.begin(), waiting.end(), [tid](const WaitingThread& t) { return t.tid == tid; });
    const bool handles = in_handler != waiting.end();
    const std::string call = handles ? std::string() : read_proc(task_path(process.pid, tid, "syscall"));
    std::optional<Registers> registers = registers_from_syscall_text(call);
    if (handles)
      registers = in_handler->registers;
    else if (registers)
      registers->fs_base = find_thread_pointer(tid, *cached).value_or(0);
    snapshot.threads.push_back(describer.describe(tid, registers));
    snapshot.threads.back().system_call =
        handles ? interrupted_call(in_handler->registers, *cached) : system_call_from_text(call);
  }
  sort_threads(snapshot);
  return std::make_unique<LiveCapture>("look", std::move(snapshot), std::move(notes), std::move(cached), nullptr);
}

namespace {

// By the kernel's own means when it lets us (only ptrace itself may be forbidden), else through the handler.
std::unique_ptr<MemoryReader> open_memory(const std::optional<LocatedProcess>& process, const Snapshot& snapshot,
                                          const std::shared_ptr<HandlerService>& service) {
  if (process && !snapshot.mappings.empty()) {
    auto direct = ProcessMemory::open(process->pid, readable_address(snapshot));
    if (direct) return std::make_unique<CachedMemory>(std::move(*direct), kKernelFetch);
  }
  return std::make_unique<CachedMemory>(std::make_unique<HandlerMemory>(service), kHandlerFetch);
}

// Registers by thread id: from the records, and from those threads that answered the handler's call.
std::map<int, Registers> collect_registers(HandlerService& service, const CrashView& view,
                                           std::vector<std::string>& notes) {
  std::map<int, Registers> out;
  const auto answered = service.thread_registers();
  if (!answered) notes.push_back("the other threads' registers are missing: " + answered.error().what);
  for (const WaitingThread& t : answered.value_or(std::vector<WaitingThread>())) out[t.tid] = t.registers;
  for (const auto& [tid, registers] : registers_at_faults(&view)) out[tid] = registers;
  return out;
}

void add_threads(Snapshot& snapshot, const LocatedProcess& process, const CrashView& view,
                 std::map<int, Registers> registers, std::vector<std::string>& notes) {
  const ThreadDescriber describer(process, snapshot);
  std::size_t silent = 0;
  for (const int tid : list_tasks(process.pid)) {
    const auto known = registers.extract(own_tid(process, tid));
    if (!known) ++silent;
    snapshot.threads.push_back(describer.describe(tid, known ? std::optional(known.mapped()) : std::nullopt));
  }
  // Threads that the list does not show (no /proc).
  for (const auto& [tid, values] : registers) {
    snapshot.threads.push_back(describer.describe(tid, values));
    snapshot.threads.back().tid = tid;
  }
  mark_crashed(snapshot, &view, describer);
  sort_threads(snapshot);
  if (silent > 0) notes.push_back(count_of_threads(silent) + " did not answer: their registers are not known");
}

}  // namespace

Result<std::unique_ptr<Capture>> capture_by_handler(wire::CrashRecord& record,
                                                    const std::optional<LocatedProcess>& process, const CrashView& view,
                                                    const std::string& reason) {
  const auto gone = [&] { return fail("process " + std::to_string(view.crash.pid) + " ended during its capture"); };
  std::vector<std::string> notes{"the threads were not stopped: " + reason};
  Snapshot snapshot = start_snapshot(view.crash.pid, &view);
  if (process) {
    describe_process(process->pid, snapshot, notes);
  } else {
    notes.push_back("the process could not be found in /proc: no memory map");
  }
  auto service = std::make_shared<HandlerService>(record, process ? std::optional(process->pid) : std::nullopt);
  std::map<int, Registers> registers = collect_registers(*service, view, notes);
  if (process && !is_alive(process->pid)) return gone();
  // An unlocated process has nothing under /proc: pid 0 never exists there.
  add_threads(snapshot, process.value_or(LocatedProcess{}), view, std::move(registers), notes);
  auto memory = open_memory(process, snapshot, service);
  return std::make_unique<LiveCapture>("handler", std::move(snapshot), std::move(notes), std::move(memory), nullptr);
}

}  // namespace segwhy
