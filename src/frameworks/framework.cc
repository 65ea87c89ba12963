#include "frameworks/framework.h"

#include "frameworks/tensorflow/tensorflow.h"
#include "frameworks/torch/torch.h"

namespace segwhy {

FrameworkReading read_framework_reading(const Snapshot& snapshot, const std::vector<Thread>& threads,
                                        const std::vector<Module>& modules) {
  FrameworkReading out = tensorflow::read_tensorflow(snapshot, threads, modules);
  if (!out.framework) out.framework = torch::read_torch(threads, modules);
  return out;
}

std::optional<Framework> read_framework(const Snapshot& snapshot, const std::vector<Thread>& threads,
                                        const std::vector<Module>& modules) {
  return read_framework_reading(snapshot, threads, modules).framework;
}

}  // namespace segwhy
