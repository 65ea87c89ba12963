// Any bytes as the image of a library in memory, and as the stack: the walk must end and symbols must be bounded.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "unit/fake_target.h"
#include "unwind/unwind.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace segwhy;
  constexpr std::uint64_t kLibrary = 0x7ffff0000000;
  constexpr std::uint64_t kLibrarySize = 0x4000;
  test::FakeTarget target;
  target.map(kLibrary, kLibrarySize, "r-x", "/lib/fuzzed.so");
  target.snapshot.mapping_of(TargetAddr(kLibrary));
  target.memory.put(kLibrary, {data, data + std::min<std::size_t>(size, kLibrarySize)});
  // Where a library has its code anywhere, the fuzzer need not find addresses: the stack is full of them.
  std::vector<std::uint8_t> stack(0x1000);
  for (std::size_t at = 0; at + 8 <= stack.size(); at += 8) {
    const std::uint64_t word = at % 24 == 0 ? kLibrary + (at * 7) % kLibrarySize : test::kStackEnd - 0x1000 + at * 2;
    std::memcpy(&stack[at], &word, sizeof word);
  }
  target.memory.put(test::kStackEnd - 0x1000, stack);
  target.reg(Registers::kRip) = kLibrary + (size > 0 ? data[size - 1] * 61U % kLibrarySize : 0);
  target.reg(Registers::kRbp) = test::kStackEnd - 0x800;
  auto unwinder = Unwinder::open(target.snapshot);
  UnwindLimits limits;
  limits.innermost = 8;
  limits.outermost = 4;
  const RawStack result = unwinder->unwind(target.thread(), limits);
  if (result.frames.empty() || result.frames.size() > 12 || result.frames.size() > result.depth) std::abort();
  return 0;
}
