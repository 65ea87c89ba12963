// Runs one instruction (or a few) from a known state of the whole machine and tells the state afterwards.
#pragma once

#include <cstddef>
#include <cstdint>

namespace segwhy::runtime::exact::testing {

inline constexpr std::size_t kBlockBytes = 1024;
inline constexpr std::size_t kOutsideBytes = 1024;

// The layout is known to machine.cc's assembly.
struct alignas(64) Machine {
  // rax rcx rdx rbx (rsp) rbp rsi rdi r8 to r15
  std::uint64_t general[16];
  std::uint64_t flags;
  std::uint64_t padding[7];
  std::uint8_t extended[4096];  // an XSAVE area
};

enum Feature { kBase, kBmi, kAdx, kAvx2, kAvx512, kVbmi2, kVnni };

struct Kind {
  const char* name;
  Feature feature;
  void (*code)();
};

extern const Kind kKinds[];
extern const std::size_t kKindCount;

[[nodiscard]] bool is_available(Feature feature);

// The state that every kind starts from: `block` is kBlockBytes of memory, `outside` kOutsideBytes elsewhere.
void prepare(Machine& machine, std::uint64_t block, const void* outside);

// The vector register that holds addresses, half of them in the block.
inline constexpr unsigned kAddressVector = 7;
void clear_vector(Machine& machine, unsigned number);

// `code` ends with ret and may use the stack.
void run(Machine& machine, const void* code);

}  // namespace segwhy::runtime::exact::testing
