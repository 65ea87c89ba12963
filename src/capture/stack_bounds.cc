#include "capture/stack_bounds.h"

#include <algorithm>

namespace segwhy {
namespace {

using Iterator = std::vector<Mapping>::const_iterator;

// The first mapping that ends above `address`.
Iterator at_or_above(const std::vector<Mapping>& mappings, TargetAddr address) {
  return std::upper_bound(mappings.begin(), mappings.end(), address,
                          [](TargetAddr a, const Mapping& m) { return a < m.end; });
}

bool usable(const Mapping& mapping) {
  return mapping.readable && mapping.writable;
}

// [stack] with the room it may still grow into.
StackBounds main_stack(const std::vector<Mapping>& mappings, Iterator stack, std::optional<std::uint64_t> limit) {
  StackBounds bounds{stack->start, stack->end};
  if (!limit || *limit > stack->end.value()) return bounds;
  bounds.start = std::min(bounds.start, stack->end - *limit);
  if (stack != mappings.begin()) bounds.start = std::max(bounds.start, std::prev(stack)->end);
  return bounds;
}

// How far below its stack a stack pointer may have jumped and still be taken for an overflow of it: far more than any
// sane frame, less than the distance to unrelated mappings usually is.
constexpr std::uint64_t kLargestFrame = std::uint64_t{64} << 20;

bool reachable(TargetAddr sp, TargetAddr stack_start) {
  return sp >= stack_start || stack_start - sp <= kLargestFrame;
}

}  // namespace

StackBounds find_stack(const std::vector<Mapping>& mappings, const Registers& registers,
                       std::optional<std::uint64_t> stack_limit) {
  const TargetAddr sp = registers.sp();
  const auto above = at_or_above(mappings, sp);
  const bool inside = above != mappings.end() && above->contains(sp) && usable(*above);
  if (inside && above->path != "[stack]") return {above->start, above->end};

  const TargetAddr control_block(registers.fs_base);
  const auto own = at_or_above(mappings, control_block);
  if (own != mappings.end() && own->contains(control_block) && usable(*own) && sp < own->end &&
      reachable(sp, own->start)) {
    return {own->start, own->end};
  }

  const auto stack =
      std::find_if(mappings.begin(), mappings.end(), [](const Mapping& m) { return m.path == "[stack]"; });
  if (stack != mappings.end()) {
    const StackBounds main = main_stack(mappings, stack, stack_limit);
    if (sp < main.end && reachable(sp, main.start)) return main;
  }

  // In a guard: the stack begins where the guard ends.
  if (above == mappings.end() || !above->contains(sp)) return {};
  const auto next = std::next(above);
  if (next == mappings.end() || next->start != above->end || !usable(*next)) return {};
  return {next->start, next->end};
}

}  // namespace segwhy
