#include "runtime/trace/native_walk.h"

#include "runtime/pal/atomic.h"
#include "runtime/pal/guarded_copy.h"
#include "runtime/pal/modules.h"
#include "runtime/trace/frame_rule.h"
#include "runtime/trace/walk_memo.h"

namespace segwhy::runtime::trace {
namespace {

uintptr_t interpreter_function;

// A frame larger than this is taken for garbage; stacks have 8 MiB, rarely 64.
constexpr uint64_t kLargestFrame = uint64_t{64} << 20;

// Rules by code address. Lock-free: both words are written without order, and a reader believes them only when they
// agree (the key is stored combined with the value), so a torn or foreign pair is a miss.
class RuleCache {
 public:
  [[nodiscard]] bool find(uintptr_t pc, FrameRule& out) const {
    const Slot& slot = slots_[index(pc)];
    const uint64_t value = __atomic_load_n(&slot.value, __ATOMIC_RELAXED);
    if ((__atomic_load_n(&slot.key, __ATOMIC_RELAXED) ^ value) != pc) return false;
    out = __builtin_bit_cast(FrameRule, value);
    return true;
  }

  void insert(uintptr_t pc, const FrameRule& rule) {
    const auto value = __builtin_bit_cast(uint64_t, rule);
    Slot& slot = slots_[index(pc)];
    __atomic_store_n(&slot.value, value, __ATOMIC_RELAXED);
    __atomic_store_n(&slot.key, pc ^ value, __ATOMIC_RELAXED);
  }

 private:
  static constexpr unsigned kBits = 14;
  struct Slot {
    uint64_t key, value;
  };
  [[nodiscard]] static uint64_t index(uintptr_t pc) { return (pc * 0x9e3779b97f4a7c15u) >> (64 - kBits); }

  Slot slots_[1u << kBits];
};

RuleCache cache;
WalkMemo memo;

// Whether the instruction that ends at `return_address` is a call: E8 rel32, or FF /2 with any operand.
[[nodiscard]] bool follows_call(uintptr_t return_address) {
  constexpr uintptr_t kLongest = 7;
  uint8_t code[kLongest];
  if (pal::guarded_copy(code, reinterpret_cast<const void*>(return_address - kLongest), kLongest) != kLongest) {
    return false;
  }
  if (code[kLongest - 5] == 0xe8) return true;
  constexpr unsigned kLengths[] = {2, 3, 4, 6, 7};
  for (const unsigned length : kLengths) {
    const uint8_t* const at = code + kLongest - length;
    if (at[0] == 0xff && ((at[1] >> 3) & 7) == 2) return true;
  }
  return false;
}

// kOutermost with an offset: an address that no code is at (a rule must not be all zeros to be told apart).
constexpr FrameRule kNoCode{CfaKind::kOutermost, RbpKind::kLost, 0, 0};

[[nodiscard]] bool is_no_code(const FrameRule& rule) {
  return rule.cfa == CfaKind::kOutermost && rule.rbp == RbpKind::kLost;
}

[[nodiscard]] FrameRule decode(uintptr_t pc, bool exact) {
  pal::CodeModule module{};
  const bool known = pal::find_module(pc, module);
  if (!exact && !follows_call(pc + 1)) return kNoCode;
  if (!known) return {};
  uintptr_t function = 0;
  FrameRule rule = decode_frame_rule(module, pc, function);
  if (function != 0 && function == pal::load(interpreter_function)) rule.cfa = CfaKind::kInterpreter;
  return rule;
}

[[nodiscard]] FrameRule rule_at(uintptr_t pc, bool exact) {
  FrameRule rule;
  if (cache.find(pc, rule)) return rule;
  rule = decode(pc, exact);
  cache.insert(pc, rule);
  return rule;
}

[[nodiscard]] uintptr_t offset_by(uintptr_t base, int64_t offset) {
  return base + static_cast<uintptr_t>(offset);
}

[[nodiscard]] bool find_cfa(const FrameRule& rule, const NativeState& state, WalkTrail& trail, uintptr_t& cfa) {
  switch (rule.cfa) {
    case CfaKind::kFromRsp:
      cfa = offset_by(state.sp, rule.cfa_offset);
      break;
    case CfaKind::kFromRbp:
      trail.note_rbp_used();
      cfa = offset_by(state.rbp, rule.cfa_offset);
      break;
    case CfaKind::kThroughRbp:
      trail.note_rbp_used();
      if (!pal::guarded_load(offset_by(state.rbp, rule.cfa_offset), cfa)) return false;
      trail.note_word(offset_by(state.rbp, rule.cfa_offset), cfa);
      break;
    default:
      return false;
  }
  return cfa > state.sp && cfa - state.sp <= kLargestFrame && cfa % sizeof(uint64_t) == 0;
}

[[nodiscard]] bool find_rbp(const FrameRule& rule, uintptr_t cfa, WalkTrail& trail, uintptr_t& rbp) {
  if (rule.rbp == RbpKind::kSame) return true;
  const uintptr_t slot = offset_by(rule.rbp == RbpKind::kAtCfa ? cfa : rbp, rule.rbp_offset);
  if (rule.rbp == RbpKind::kAtRbp) trail.note_rbp_used();
  if (rule.rbp == RbpKind::kLost) {
    rbp = 0;
    trail.give_up();
    return true;
  }
  if (!pal::guarded_load(slot, rbp)) return false;
  trail.note_rbp(slot, rbp);
  return true;
}

// From a frame to its caller, the frame `index`; false when there is none that could be found.
[[nodiscard]] bool step(const FrameRule& rule, uint32_t index, WalkTrail& trail, NativeState& state) {
  uintptr_t cfa = 0;
  uint64_t return_address = 0;
  if (rule.cfa == CfaKind::kUnknown || state.sp == 0) return false;
  const bool found = find_cfa(rule, state, trail, cfa) && pal::guarded_load(cfa - sizeof(uint64_t), return_address) &&
                     return_address != 0 && find_rbp(rule, cfa, trail, state.rbp);
  if (!found) {
    trail.give_up();
    return false;
  }
  if (index < wire::kMaxNativeFrames) trail.note_return(index, cfa - sizeof(uint64_t));
  state.pc = return_address;
  state.sp = cfa;
  state.exact = false;
  return true;
}

// The walk itself; what it depended on goes into `trail`.
void walk(NativeState state, WalkTrail& trail, NativeStack& out) {
  for (;;) {
    const FrameRule rule = rule_at(state.exact ? state.pc : state.pc - 1, state.exact);
    const bool stray = is_no_code(rule) && out.count > 0;
    if (stray) trail.give_up();
    if (stray || out.count == wire::kMaxNativeFrames) {
      out.cut = true;
      return;
    }
    out.pcs[out.count++] = state.pc;
    if (rule.cfa == CfaKind::kOutermost || rule.cfa == CfaKind::kInterpreter) return;
    if (!step(rule, out.count, trail, state)) {
      out.cut = true;
      return;
    }
  }
}

}  // namespace

void walk_native(NativeState state, NativeStack& out) {
  if (memo.recall(state, out)) return;
  WalkTrail trail(state.sp);
  walk(state, trail, out);
  memo.keep(state, trail, out);
}

void set_interpreter_function(uintptr_t function) {
  pal::store(interpreter_function, function);
}

}  // namespace segwhy::runtime::trace
