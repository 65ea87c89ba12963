// Whose call an exported function serves, taken in that function or in one that it calls as its tail, whose frame then
// stands where the exported function's would (trace/stacks.h).
#pragma once

#include "runtime/heap/tensors.h"

#define SEGWHY_CALLER                                       \
  segwhy::runtime::heap::Caller {                           \
    __builtin_return_address(0), __builtin_frame_address(0) \
  }
#define SEGWHY_SLOW __attribute__((noinline))
