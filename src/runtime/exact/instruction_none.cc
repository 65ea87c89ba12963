// decode() of a build without a decoder.
#include "runtime/exact/instruction.h"

namespace segwhy::runtime::exact {

bool decode(uint64_t, const uint8_t*, size_t, Instruction&) {
  return false;
}

bool has_decoder() {
  return false;
}

}  // namespace segwhy::runtime::exact
