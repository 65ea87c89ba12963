#include "runtime/trace/walk_memo.h"

#include <string.h>

#include "runtime/pal/atomic.h"
#include "runtime/pal/guarded_copy.h"
#include "runtime/trace/native_walk.h"

namespace segwhy::runtime::trace {

void WalkTrail::note_rbp_used() {
  if (rbp_slot_ == 0) {
    initial_rbp_used_ = true;
    return;
  }
  note_word(rbp_slot_, rbp_value_);
}

void WalkTrail::note_word(uintptr_t slot, uint64_t value) {
  const uintptr_t offset = slot - sp_;
  if (checks_ > 0 && check_offsets_[checks_ - 1] == offset) return;
  if (checks_ == kMaxChecks || offset > UINT32_MAX) return give_up();
  check_offsets_[checks_] = static_cast<uint32_t>(offset);
  check_values_[checks_++] = value;
}

uint64_t WalkMemo::index(const NativeState& state) {
  return ((state.pc ^ (state.sp << 17)) * 0x9e3779b97f4a7c15u) >> (64 - kBits);
}

// Counts are checked before use: a torn entry may hold anything.
bool WalkMemo::still_holds(const Entry& entry, const NativeState& state) {
  if (entry.pc != state.pc || entry.sp != state.sp || entry.exact != state.exact) return false;
  if (entry.rbp_matters && entry.rbp != state.rbp) return false;
  if (entry.count == 0 || entry.count > wire::kMaxNativeFrames || entry.checks > WalkTrail::kMaxChecks) {
    return false;
  }
  uint64_t word = 0;
  for (uint32_t i = 1; i < entry.count; ++i) {
    if (!pal::guarded_load(state.sp + entry.return_offsets[i], word) || word != entry.pcs[i]) return false;
  }
  for (uint32_t i = 0; i < entry.checks; ++i) {
    if (!pal::guarded_load(state.sp + entry.check_offsets[i], word) || word != entry.check_values[i]) return false;
  }
  return true;
}

bool WalkMemo::recall(const NativeState& state, NativeStack& out) const {
  const Entry& entry = entries_[index(state)];
  const uint32_t before = pal::load(entry.sequence);
  if (before % 2 != 0 || !still_holds(entry, state)) return false;
  const uint32_t count = entry.count;
  if (count > wire::kMaxNativeFrames) return false;
  memcpy(out.pcs, entry.pcs, count * sizeof(uint64_t));
  out.cut = entry.cut;
  out.count = count;
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  if (__atomic_load_n(&entry.sequence, __ATOMIC_RELAXED) == before) return true;
  out.count = 0;
  out.cut = false;
  return false;
}

void WalkMemo::keep(const NativeState& state, const WalkTrail& trail, const NativeStack& walked) {
  if (!trail.kept_) return;
  Entry& entry = entries_[index(state)];
  const uint32_t before = pal::load(entry.sequence);
  if (before % 2 != 0 || !pal::compare_exchange(entry.sequence, before, before + 1)) return;
  __atomic_thread_fence(__ATOMIC_RELEASE);
  entry.count = walked.count;
  entry.pc = state.pc;
  entry.sp = state.sp;
  entry.rbp = state.rbp;
  entry.exact = state.exact;
  entry.cut = walked.cut;
  entry.rbp_matters = trail.initial_rbp_used_;
  entry.checks = trail.checks_;
  memcpy(entry.check_offsets, trail.check_offsets_, sizeof entry.check_offsets);
  memcpy(entry.check_values, trail.check_values_, sizeof entry.check_values);
  memcpy(entry.return_offsets, trail.return_offsets_, sizeof entry.return_offsets);
  memcpy(entry.pcs, walked.pcs, walked.count * sizeof(uint64_t));
  pal::store(entry.sequence, before + 2);
}

}  // namespace segwhy::runtime::trace
