// Appends records to a StackSection and finds them again. Lock-free, async-signal-safe: two that add the same at the
// same time both get the one that was published first; the other's room is lost.
#pragma once

#include <stdint.h>

#include "evidence/wire/stacks.h"
#include "runtime/trace/python_layout.h"
#include "runtime/trace/python_walk.h"

namespace segwhy::runtime::trace {

[[nodiscard]] constexpr uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
  return hash ^ (hash >> 32);
}

class StackStore {
 public:
  explicit StackStore(wire::StackSection& section) : section_(section) {}

  // The record of a stack with this hash, 0: there is none.
  [[nodiscard]] uint32_t find_stack(uint64_t hash) const;

  // Position of `words` words that are nobody else's, 0: no room.
  [[nodiscard]] uint32_t take(uint64_t words);
  [[nodiscard]] uint64_t* at(uint32_t position) { return section_.words + position; }

  // Makes the complete record at `position` findable; returns it, or an equal one that was there before.
  // 0: the index is full.
  [[nodiscard]] uint32_t publish_stack(uint64_t hash, uint32_t position);

  // The record of the code object of `frame`, made if there is none. 0: there is no code object, or no room.
  [[nodiscard]] uint32_t code_of(const Python& python, const PythonFrame& frame);

  void count_lost();

 private:
  wire::StackSection& section_;
};

}  // namespace segwhy::runtime::trace
