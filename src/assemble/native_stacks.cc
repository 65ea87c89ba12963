#include "assemble/native_stacks.h"

#include <utility>

#include "base/text.h"

namespace segwhy {
namespace {

// The crashed thread's stack is the evidence; the others give context and are cut shorter to keep the target stopped
// briefly.
constexpr UnwindLimits kCrashedLimits{};
constexpr UnwindLimits kOtherLimits{.innermost = 48, .outermost = 8, .count_up_to = 2000};

// The thread that died and the main one, and of the others as many as a person would look at: a process that ran into
// its limit of threads has tens of thousands, all alike, and is stopped as long as they are read.
bool is_read(const ThreadSnapshot& captured, int pid, std::size_t before) {
  return captured.registers_known && (captured.crashed || captured.tid == pid || before < kMostOtherStacks);
}

// Frames of one address share its stack facts; the inlined ones have no frame of their own.
void add_frames(Thread& thread, const RawFrame& raw, std::vector<NativeFrame> named) {
  for (NativeFrame& frame : named) {
    if (raw.sp) frame.sp = raw.sp->value();
    frame.trust = raw.trust;
    frame.signal_frame = raw.signal_frame;
    thread.native.push_back(std::move(frame));
  }
}

Thread describe(const ThreadSnapshot& captured, int pid) {
  Thread thread;
  thread.tid = captured.tid;
  thread.name = to_valid_utf8(captured.name);
  thread.crashed = captured.crashed;
  thread.is_main = captured.tid == pid;
  if (captured.stack_start < captured.stack_end) {
    thread.stack_start = captured.stack_start.value();
    thread.stack_end = captured.stack_end.value();
  }
  return thread;
}

}  // namespace

std::vector<Thread> read_native_stacks(const Snapshot& snapshot, Unwinder& unwinder, Symbolizer& symbolizer) {
  std::vector<Thread> threads;
  std::vector<RawStack> stacks;
  std::vector<CodeAddress> addresses;
  for (const ThreadSnapshot& captured : snapshot.threads) {
    threads.push_back(describe(captured, snapshot.pid));
    const bool read = is_read(captured, snapshot.pid, stacks.size());
    stacks.push_back(read ? unwinder.unwind(captured, captured.crashed ? kCrashedLimits : kOtherLimits) : RawStack{});
    for (const RawFrame& raw : stacks.back().frames) addresses.push_back({raw.pc, raw.is_return_address});
  }
  std::vector<std::vector<NativeFrame>> named = symbolizer.resolve(addresses);
  std::size_t next = 0;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    for (const RawFrame& raw : stacks[i].frames) add_frames(threads[i], raw, std::move(named.at(next++)));
    threads[i].native_truncated = stacks[i].depth > stacks[i].frames.size();
    if (threads[i].native_truncated) threads[i].native_depth = stacks[i].depth;
  }
  return threads;
}

}  // namespace segwhy
