#include "frameworks/tensorflow/written_frames.h"

#include <algorithm>
#include <utility>

#include "frameworks/tensorflow/line_owner.h"
#include "frameworks/tensorflow/node_table.h"

namespace segwhy::tensorflow {
namespace {

void restore(const NodeTable& table, const LineOwner& owner, PythonFrame& frame) {
  auto written = table.written_line({frame.file, frame.function, *frame.line});
  if (!written) return;
  frame.origin = owner.origin_of(*written);
  frame.file = std::move(written->file);
  frame.function = std::move(written->function);
  frame.line = written->line;
  frame.end_line = frame.column = frame.end_column = std::nullopt;
  frame.source.clear();
}

}  // namespace

void restore_written_frames(const Snapshot& snapshot, std::vector<Thread>& threads) {
  if (std::all_of(threads.begin(), threads.end(), [](const Thread& t) { return t.python.empty(); })) return;
  const auto table = NodeTable::find(snapshot);
  if (!table) return;
  const auto generated = table->generated_files();
  if (generated.empty()) return;
  const LineOwner owner(snapshot);
  for (Thread& thread : threads)
    for (PythonFrame& frame : thread.python)
      if (frame.line && generated.contains(frame.file)) restore(*table, owner, frame);
}

}  // namespace segwhy::tensorflow
