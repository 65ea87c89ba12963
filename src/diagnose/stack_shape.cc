#include "diagnose/stack_shape.h"

#include <algorithm>
#include <functional>

#include "diagnose/frames.h"

namespace segwhy {
namespace {

constexpr std::size_t kLongestRound = 32;
constexpr std::size_t kLongestTip = 40;
constexpr std::size_t kFewestRounds = 8;

struct Repetition {
  std::size_t start = 0, period = 0, rounds = 0;
};

// `keys[i]` names frame i. Tries short tips and short periods first: the plainest reading wins.
std::optional<Repetition> find_repetition(const std::vector<std::string>& keys) {
  const std::size_t n = keys.size();
  for (std::size_t start = 0; start < std::min(kLongestTip, n); ++start) {
    for (std::size_t period = 1; period <= kLongestRound; ++period) {
      std::size_t same = 0;
      while (start + same + period < n && !keys[start + same].empty() &&
             keys[start + same] == keys[start + same + period])
        ++same;
      const std::size_t rounds = same / period + 1;
      if (same >= period && rounds >= kFewestRounds) return Repetition{start, period, rounds};
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<StackCycle> native_cycle(const Thread& thread) {
  std::vector<std::string> keys;
  keys.reserve(thread.native.size());
  // Frames without a name repeat just as well: by their place in the module, or their address.
  for (const NativeFrame& frame : thread.native) {
    const std::string_view name = plain_name(frame);
    keys.push_back(name.empty() ? frame.module + "+" + std::to_string(frame.offset.value_or(frame.pc))
                                : std::string(name));
  }
  const auto found = find_repetition(keys);
  if (!found) return std::nullopt;
  StackCycle cycle;
  cycle.rounds = found->rounds;
  cycle.depth = std::max<std::uint64_t>(thread.native_depth.value_or(0), thread.native.size());
  for (std::size_t i = 0; i < found->period; ++i) cycle.functions.push_back(describe(thread.native[found->start + i]));
  const auto inner = thread.native[found->start].sp;
  const auto outer = thread.native[found->start + found->period].sp;
  if (inner && outer && *outer > *inner) cycle.bytes_per_round = *outer - *inner;
  return cycle;
}

std::optional<StackCycle> python_cycle(const Thread& thread) {
  std::vector<std::string> keys;
  keys.reserve(thread.python.size());
  for (const PythonFrame& frame : thread.python) keys.push_back(frame.file + ":" + frame.function);
  const auto found = find_repetition(keys);
  if (!found) return std::nullopt;
  StackCycle cycle;
  cycle.rounds = found->rounds;
  cycle.depth = std::max<std::uint64_t>(thread.python_depth.value_or(0), thread.python.size());
  for (std::size_t i = 0; i < found->period; ++i) cycle.functions.push_back(thread.python[found->start + i].function);
  return cycle;
}

}  // namespace segwhy
