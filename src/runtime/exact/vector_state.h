// Vector and mask registers of interrupted code, in the extended state that the kernel saved in the signal frame.
//
// Async-signal-safe, thread-safe.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

namespace segwhy::runtime::exact {

inline constexpr size_t kVectorBytes = 64;

class VectorState {
 public:
  explicit VectorState(const ucontext_t& context);

  // The whole of vector register `number`; what the machine does not have or use reads as zero.
  void read(uint8_t number, uint8_t (&out)[kVectorBytes]) const;
  // Changes it for when the handler returns. All 64 bytes that are not what they were must be expressible: a caller
  // changes only bytes that the machine has.
  void write(uint8_t number, const uint8_t (&value)[kVectorBytes]) const;

  [[nodiscard]] uint64_t read_mask(uint8_t number) const;
  void write_mask(uint8_t number, uint64_t value) const;

 private:
  // `size` bytes at `offset` of a state component; null: the component is not saved.
  [[nodiscard]] uint8_t* component(int number, size_t offset, size_t size, bool for_writing) const;

  uint8_t* area_;
};

}  // namespace segwhy::runtime::exact
