#include "evidence/model/snapshot.h"

#include <algorithm>

namespace segwhy {

const Mapping* Snapshot::mapping_of(TargetAddr address) const {
  const auto after = std::upper_bound(mappings.begin(), mappings.end(), address,
                                      [](TargetAddr a, const Mapping& m) { return a < m.start; });
  if (after == mappings.begin()) return nullptr;
  const Mapping& candidate = *std::prev(after);
  return candidate.contains(address) ? &candidate : nullptr;
}

const ThreadSnapshot* Snapshot::crashed_thread() const {
  const auto it = std::find_if(threads.begin(), threads.end(), [](const ThreadSnapshot& t) { return t.crashed; });
  return it == threads.end() ? nullptr : &*it;
}

}  // namespace segwhy
