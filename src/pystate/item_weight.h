// What the items of a container weigh, by a look at a few of them: whether it can be what holds the memory.
//
// Known are the sizes of numbers, texts, bytes, NumPy's arrays, containers, and of what closures and attributes lead
// to, a few steps deep. What several of the items share is not theirs, and does not count. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "pystate/containers.h"

namespace segwhy::pystate {

struct ItemWeight {
  std::string type;    // of the items looked at, "" when they differ or none could be looked at
  double bytes = 0;    // of one item with its place, on average, as far as known
  bool whole = false;  // nothing was left out: an item does not weigh more
};

// `newest`: how many of the last items are of interest.
[[nodiscard]] ItemWeight weigh_items(ObjectReader& objects, ContainerReader& containers, TargetAddr container,
                                     std::uint64_t newest);

}  // namespace segwhy::pystate
