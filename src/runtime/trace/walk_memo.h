// WalkMemo: walks that were done before. A program that runs in a loop stands at the same places with the same stack
// pointers again and again; that a stack is the one walked before is seen by its return addresses, each of them
// compared in its place, at a fraction of the cost of finding them.
//
// Exact, not a guess: everything that the walk read and that decided its course is compared. Lock-free (a sequence
// number per entry), async-signal-safe; a torn or busy entry is a miss.
#pragma once

#include <stdint.h>

#include "evidence/wire/stacks.h"

namespace segwhy::runtime::trace {

struct NativeState;
struct NativeStack;

// What a walk depended on, noted while it goes.
class WalkTrail {
 public:
  explicit WalkTrail(uintptr_t sp) : sp_(sp) {}

  // The return address of frame `index` (1 and up) was read at `slot`.
  void note_return(uint32_t index, uintptr_t slot) { set_offset(return_offsets_, index, slot); }
  // rbp was read at `slot`, or is as it was at the start (0); it matters only if a CFA is computed from it.
  void note_rbp(uintptr_t slot, uint64_t value) {
    rbp_slot_ = slot;
    rbp_value_ = value;
  }
  void note_rbp_used();
  // Another word that decided the course.
  void note_word(uintptr_t slot, uint64_t value);
  // The course cannot be compared: do not keep it.
  void give_up() { kept_ = false; }

 private:
  friend class WalkMemo;
  static constexpr uint32_t kMaxChecks = 8;

  void set_offset(uint32_t* offsets, uint32_t index, uintptr_t slot) {
    const uintptr_t offset = slot - sp_;
    if (offset > UINT32_MAX || index >= wire::kMaxNativeFrames) return give_up();
    offsets[index] = static_cast<uint32_t>(offset);
  }

  uintptr_t sp_;
  bool kept_ = true;
  bool initial_rbp_used_ = false;
  uintptr_t rbp_slot_ = 0;
  uint64_t rbp_value_ = 0;
  uint32_t checks_ = 0;
  uint32_t check_offsets_[kMaxChecks];
  uint64_t check_values_[kMaxChecks];
  uint32_t return_offsets_[wire::kMaxNativeFrames];
};

class WalkMemo {
 public:
  // Fills `out` when the walk from `state` is known.
  [[nodiscard]] bool recall(const NativeState& state, NativeStack& out) const;
  void keep(const NativeState& state, const WalkTrail& trail, const NativeStack& walked);

 private:
  static constexpr unsigned kBits = 9;
  struct Entry {
    uint32_t sequence;  // atomic; odd while it is written
    uint32_t count;
    uint64_t pc, sp, rbp;
    bool exact, cut, rbp_matters;
    uint32_t checks;
    uint32_t check_offsets[WalkTrail::kMaxChecks];
    uint64_t check_values[WalkTrail::kMaxChecks];
    uint32_t return_offsets[wire::kMaxNativeFrames];
    uint64_t pcs[wire::kMaxNativeFrames];
  };
  [[nodiscard]] static uint64_t index(const NativeState& state);
  [[nodiscard]] static bool still_holds(const Entry& entry, const NativeState& state);

  Entry entries_[1u << kBits];
};

}  // namespace segwhy::runtime::trace
