// Whether what an instruction loads decides anything at once: which way a branch goes, or where memory is accessed.
//
// Copying a value that was never written is no error, nor is computing with it; only what it decides is. Looked for in
// the straight line behind the load, and only where it is plain: through copies of the register, extensions of it and
// sums with constants. Pure.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace segwhy::runtime::exact {

// Bytes of code that may be needed.
inline constexpr size_t kConsequenceBytes = 96;

// `code`: the bytes from the instruction on, `size` of them. True: with every value loaded there, the program branches
// on it, or takes it (or it with something added) for an address and uses that.
[[nodiscard]] bool decides(const uint8_t* code, size_t size);

}  // namespace segwhy::runtime::exact
