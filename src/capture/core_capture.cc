#include <algorithm>
#include <csignal>

#include "base/text.h"
#include "capture/cached_memory.h"
#include "capture/capture.h"
#include "capture/core_mappings.h"
#include "capture/core_memory.h"
#include "capture/live_process.h"
#include "capture/registers.h"
#include "capture/signal_info.h"
#include "capture/stack_bounds.h"
#include "elf/core_notes.h"
#include "elf/elf_file.h"

namespace segwhy {
namespace {

class CoreCapture final : public Capture {
 public:
  explicit CoreCapture(ElfFile core) : core_(std::move(core)) {}

  // Fills everything; `this` must not move afterwards (the memory reader refers to members).
  Status load();

  [[nodiscard]] const Snapshot& snapshot() const override { return snapshot_; }
  [[nodiscard]] const char* backend() const override { return "core"; }
  [[nodiscard]] const std::vector<std::string>& notes() const override { return notes_; }
  void release() override {}

 private:
  [[nodiscard]] CoreNotes read_notes() const;
  void add_threads(const CoreNotes& notes);
  void note_truncation();
  void note_files(CoreMemory& memory);

  ElfFile core_;
  Snapshot snapshot_;
  std::vector<std::string> notes_;
  std::unique_ptr<MemoryReader> memory_;
};

// The signal of a process that died; a core of a live process (gcore) has none, or the stop that a debugger sends.
std::optional<SignalSnapshot> fatal_signal(const CoreNotes& notes) {
  std::optional<SignalSnapshot> signal;
  if (notes.siginfo) signal = parse_siginfo(ByteView(*notes.siginfo));
  const int number = notes.threads.empty() ? 0 : notes.threads.front().current_signal;
  if (!signal && number > 0) {
    signal.emplace();
    signal->number = number;
  }
  if (signal && (signal->number == SIGSTOP || signal->number == SIGCONT)) signal.reset();
  return signal;
}

Status CoreCapture::load() {
  if (core_.header().e_type != ET_CORE) return fail(core_.path() + " is an ELF file but not a core file");
  const CoreNotes notes = read_notes();
  if (notes.threads.empty()) {
    return fail(core_.path() + " holds no thread (NT_PRSTATUS): it is truncated or not of a Linux x86-64 process");
  }
  snapshot_.pid = notes.process ? notes.process->pid : notes.threads.front().tid;
  snapshot_.auxv = notes.auxv;
  snapshot_.signal = fatal_signal(notes);
  snapshot_.mappings = core_mappings(core_.segments(), notes);
  auto memory = std::make_unique<CoreMemory>(core_, snapshot_.mappings);
  note_truncation();
  note_files(*memory);
  memory_ = std::make_unique<CachedMemory>(std::move(memory), 4);
  snapshot_.memory = memory_.get();
  const Mapping* program = nullptr;
  if (const auto entry = auxv_value(notes.auxv, AT_ENTRY)) program = snapshot_.mapping_of(TargetAddr(*entry));
  if (program != nullptr) snapshot_.executable = program->path;
  add_threads(notes);
  return {};
}

CoreNotes CoreCapture::read_notes() const {
  CoreNotes all;
  for (const Elf64_Phdr& segment : core_.segments()) {
    if (segment.p_type != PT_NOTE) continue;
    const auto bytes = core_.bytes(segment.p_offset, segment.p_filesz);
    CoreNotes notes = parse_core_notes(ByteView(bytes), segment.p_align);
    if (!notes.threads.empty()) return notes;  // there is one such segment
    all = std::move(notes);
  }
  return all;
}

void CoreCapture::add_threads(const CoreNotes& notes) {
  for (const CoreThread& from : notes.threads) {
    ThreadSnapshot thread;
    thread.tid = from.tid;
    if (notes.process && from.tid == notes.process->pid) thread.name = notes.process->name;
    thread.registers = registers_from_user_regs(from.registers);
    // The limit is not in the core: the main stack is as large as it had grown.
    const StackBounds stack = find_stack(snapshot_.mappings, thread.registers, std::nullopt);
    thread.stack_start = stack.start;
    thread.stack_end = stack.end;
    snapshot_.threads.push_back(std::move(thread));
  }
  snapshot_.threads.front().crashed = snapshot_.signal.has_value();
  sort_threads(snapshot_);
}

void CoreCapture::note_truncation() {
  std::uint64_t end = 0;
  for (const Elf64_Phdr& s : core_.segments()) {
    if (s.p_offset <= UINT64_MAX - s.p_filesz) end = std::max(end, s.p_offset + s.p_filesz);
  }
  if (end <= core_.size()) return;
  notes_.push_back("the core file is truncated: " + human_bytes(core_.size()) + " of " + human_bytes(end) +
                   "; memory in the missing part is not known");
}

void CoreCapture::note_files(CoreMemory& memory) {
  for (const std::string& path : memory.unusable_files()) {
    notes_.push_back(path + " is missing or not the file that the process had mapped");
  }
}

}  // namespace

Result<std::unique_ptr<Capture>> capture_core(const std::string& core_path) {
  auto core = ElfFile::open(core_path);
  if (!core) return tl::unexpected<Error>(core.error());
  auto capture = std::make_unique<CoreCapture>(std::move(*core));
  if (auto loaded = capture->load(); !loaded) return tl::unexpected<Error>(loaded.error());
  return capture;
}

}  // namespace segwhy
