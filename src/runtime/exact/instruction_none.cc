// decode() and decides() of a build without a decoder.
#include "runtime/exact/consequence.h"
#include "runtime/exact/instruction.h"

namespace segwhy::runtime::exact {

bool decode(uint64_t, const uint8_t*, size_t, Instruction&) {
  return false;
}

bool decides(const uint8_t*, size_t) {
  return false;
}

bool has_decoder() {
  return false;
}

}  // namespace segwhy::runtime::exact
