// A process that lies: a sound little interpreter, then bytes of it overwritten as the input says (address, value).
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "pystate/fake_python.h"
#include "pystate/frame_chain.h"
#include "pystate/thread_states.h"

namespace segwhy::pystate {
namespace {

constexpr FrameLimits kLimits{16, 8, 10000};

void read_all(FakePython& python, TargetAddr runtime) {
  const auto states = read_thread_states(python.memory(), python.layout(), runtime);
  if (!states) return;
  ObjectReader objects(python.memory(), python.layout());
  CodeObjects codes(objects);
  for (const ThreadState& state : states->threads) {
    const FrameChain chain = walk_frames(objects, codes, state.innermost_frame, kLimits);
    if (chain.depth > kLimits.count_up_to) std::abort();
    for (const RawFrame& frame : chain.innermost) {
      if (codes.describe(frame.code) == nullptr) continue;
      (void)codes.location(frame.code, frame.instruction);
      (void)codes.string_constants(frame.code, 8, 64);
    }
  }
}

}  // namespace
}  // namespace segwhy::pystate

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace segwhy;
  using namespace segwhy::pystate;
  constexpr std::size_t kMemory = 65536;
  if (size == 0) return 0;
  FakePython python(kOldestMinor + data[0] % (kNewestMinor - kOldestMinor + 1), kMemory);
  const TargetAddr main = python.interpreter(0);
  TargetAddr frame;
  for (int i = 0; i < 4; ++i)
    frame = python.frame(python.code(("f" + std::to_string(i)).c_str(), i + 1, {python.string("constant")}), frame);
  python.thread(main, frame, 0x1000, 1);
  const TargetAddr runtime = python.runtime(main);
  struct Change {
    std::uint16_t at;
    std::uint8_t value;
  } change{};
  constexpr std::size_t kChange = 3;
  for (std::size_t i = 1; i + kChange <= size; i += kChange) {
    std::memcpy(&change.at, data + i, sizeof(change.at));
    python.memory().bytes()[change.at] = static_cast<std::byte>(data[i + 2]);
  }
  read_all(python, runtime);
  return 0;
}
