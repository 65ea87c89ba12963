#include "decode/stack_position.h"

#include <algorithm>

namespace segwhy {
namespace {

// The kernel keeps a gap of this size below a growing stack, and threads have a guard of a page there: an access that
// overflows a stack lands within, unless one frame is larger.
constexpr std::uint64_t kStackGap = std::uint64_t{1} << 20;

MappingInfo describe(const Mapping& mapping, std::uint64_t distance) {
  MappingInfo info;
  info.start = mapping.start.value();
  info.end = mapping.end.value();
  info.permissions = {mapping.readable ? 'r' : '-', mapping.writable ? 'w' : '-', mapping.executable ? 'x' : '-',
                      mapping.shared ? 's' : 'p'};
  info.path = mapping.path;
  info.file_offset = mapping.file_offset;
  info.deleted = mapping.deleted;
  info.distance = distance;
  return info;
}

bool inaccessible(const Mapping* mapping) {
  return mapping == nullptr || (!mapping->readable && !mapping->writable && !mapping->executable);
}

// The thread on whose stack the address lies, else the one whose stack begins closest above it within the gap.
const ThreadSnapshot* stack_owner(const Snapshot& snapshot, TargetAddr address) {
  const ThreadSnapshot* nearest = nullptr;
  for (const ThreadSnapshot& t : snapshot.threads) {
    if (t.stack_end <= t.stack_start) continue;
    if (t.stack_start <= address && address < t.stack_end) return &t;
    const bool below = address < t.stack_start && t.stack_start - address <= kStackGap;
    if (below && (nearest == nullptr || t.stack_start < nearest->stack_start)) nearest = &t;
  }
  // Some other memory that happens to lie below a stack is not part of it.
  return inaccessible(snapshot.mapping_of(address)) ? nearest : nullptr;
}

}  // namespace

void place_among_mappings(Fault& fault, const Snapshot& snapshot) {
  if (!fault.address) return;
  const TargetAddr address(*fault.address);
  if (const Mapping* inside = snapshot.mapping_of(address)) {
    fault.inside = describe(*inside, 0);
    return;
  }
  const auto above = std::upper_bound(snapshot.mappings.begin(), snapshot.mappings.end(), address,
                                      [](TargetAddr a, const Mapping& m) { return a < m.start; });
  if (above != snapshot.mappings.end()) fault.above = describe(*above, above->start - address);
  if (above != snapshot.mappings.begin()) fault.below = describe(*std::prev(above), address - std::prev(above)->end);
}

void place_on_stacks(Fault& fault, const Snapshot& snapshot, const ThreadSnapshot& crashed) {
  if (crashed.stack_end > crashed.stack_start) {
    fault.stack_size = crashed.stack_end - crashed.stack_start;
    const TargetAddr sp = crashed.registers.sp();
    const bool plausible = sp < crashed.stack_end && crashed.stack_end - sp <= *fault.stack_size + kStackGap;
    if (crashed.registers_known && plausible) fault.stack_used = crashed.stack_end - sp;
  }
  if (!fault.address) return;
  const TargetAddr address(*fault.address);
  if (const ThreadSnapshot* owner = stack_owner(snapshot, address)) fault.stack_of_tid = owner->tid;
  if (crashed.registers_known) fault.below_sp = static_cast<std::int64_t>(crashed.registers.sp() - address);
}

}  // namespace segwhy
