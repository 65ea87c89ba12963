#include "assemble/bystander.h"

#include "assemble/native_stacks.h"
#include "assemble/python_stacks.h"

namespace segwhy {
namespace {

std::vector<Thread> without_stacks(const Snapshot& snapshot) {
  std::vector<Thread> threads;
  for (const ThreadSnapshot& captured : snapshot.threads) {
    threads.emplace_back();
    threads.back().tid = captured.tid;
    threads.back().is_main = captured.tid == snapshot.pid;
  }
  return threads;
}

}  // namespace

std::vector<Thread> read_bystander(const Capture& capture, const std::string& directory) {
  const Snapshot& snapshot = capture.snapshot();
  auto symbolizer = Symbolizer::open(snapshot);
  auto unwinder = Unwinder::open(snapshot);
  std::vector<Thread> threads =
      symbolizer && unwinder ? read_native_stacks(snapshot, *unwinder, *symbolizer) : without_stacks(snapshot);
  PythonLimits limits;
  if (!directory.empty()) limits.directories.push_back(directory);
  if (auto state = read_python_state(snapshot, limits)) add_python_threads(*state, threads);
  for (Thread& thread : threads) merge_stacks(thread);
  return threads;
}

}  // namespace segwhy
