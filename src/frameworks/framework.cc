#include "frameworks/framework.h"

#include "frameworks/tensorflow/tensorflow.h"
#include "frameworks/tensorflow/written_frames.h"
#include "frameworks/torch/torch.h"

namespace segwhy {

FrameworkReading read_framework(const Snapshot& snapshot, const std::vector<Thread>& threads,
                                const std::vector<Module>& modules) {
  FrameworkReading out = tensorflow::read_tensorflow(snapshot, threads, modules);
  if (!out.framework) out.framework = torch::read_torch(threads, modules);
  return out;
}

void restore_written_frames(const Snapshot& snapshot, std::vector<Thread>& threads) {
  tensorflow::restore_written_frames(snapshot, threads);
}

}  // namespace segwhy
