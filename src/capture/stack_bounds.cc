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

bool is_guard(const Mapping& mapping) {
  return !mapping.readable && !mapping.writable && !mapping.executable;
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
  const auto here = at_or_above(mappings, sp);
  const bool mapped = here != mappings.end() && here->contains(sp);
  if (mapped && usable(*here) && here->path != "[stack]") return {here->start, here->end};

  // In a guard: the stack begins where the guard ends.
  if (mapped && is_guard(*here)) {
    const auto next = std::next(here);
    if (next != mappings.end() && next->start == here->end && usable(*next)) return {next->start, next->end};
  }

  const TargetAddr control_block(registers.fs_base);
  const auto own = at_or_above(mappings, control_block);
  const bool has_own = own != mappings.end() && own->contains(control_block) && usable(*own);
  if (has_own && sp < own->end && reachable(sp, own->start)) return {own->start, own->end};

  const auto stack =
      std::find_if(mappings.begin(), mappings.end(), [](const Mapping& m) { return m.path == "[stack]"; });
  if (stack == mappings.end()) return {};
  const StackBounds main = main_stack(mappings, stack, stack_limit);
  if (sp < main.end && reachable(sp, main.start)) return main;
  return {};
}

}  // namespace segwhy
