// FrameRule: how to get from a frame to its caller at one code address, as far as compilers of today need it.
//
// Decoded from the module's call frame information (.eh_frame; LSB 5, "Exception Frames"; DWARF 5, 6.4). The return
// address is always taken to be just below the CFA. Only rsp and rbp are followed: frames whose CFA depends on another
// register (a few in hand-written assembly) end the walk. Pure but for reading the module; no malloc, bounded.
#pragma once

#include <stdint.h>

#include "runtime/pal/modules.h"

namespace segwhy::runtime::trace {

enum class CfaKind : uint8_t {
  kUnknown = 0,  // no information, or of a kind that is not followed
  kFromRsp,      // rsp + cfa_offset
  kFromRbp,      // rbp + cfa_offset
  kThroughRbp,   // the word at rbp + cfa_offset: functions that realign their stack
  kOutermost,    // there is no caller
  kInterpreter,  // from rsp or rbp too, but the walk ends here: the evaluation loop of Python
};

enum class RbpKind : uint8_t {
  kSame = 0,
  kAtCfa,  // saved at CFA + rbp_offset
  kAtRbp,  // saved at rbp + rbp_offset
  kLost,   // not known in the caller
};

struct FrameRule {
  CfaKind cfa = CfaKind::kUnknown;
  RbpKind rbp = RbpKind::kSame;
  int16_t rbp_offset = 0;
  int32_t cfa_offset = 0;
};
static_assert(sizeof(FrameRule) == 8);

// What the unwind tables of `module` say of `pc`, which lies in it. `function`: where the function that they describe
// begins, 0 when they have none for `pc`.
[[nodiscard]] FrameRule decode_frame_rule(const pal::CodeModule& module, uintptr_t pc, uintptr_t& function);

}  // namespace segwhy::runtime::trace
