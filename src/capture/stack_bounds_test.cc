#include "capture/stack_bounds.h"

#include <gtest/gtest.h>

#include "capture/maps.h"

namespace segwhy {
namespace {

// A program with one thread (stack below its guard), a lone fibre stack, and the main stack.
const std::vector<Mapping>& mappings() {
  static const std::vector<Mapping> kMappings = parse_maps(
      "555500000000-555500010000 r-xp 00000000 fe:00 1 /bin/x\n"
      "7f0000000000-7f0000001000 ---p 00000000 00:00 0 \n"
      "7f0000001000-7f0000801000 rw-p 00000000 00:00 0 \n"
      "7f0001000000-7f0001001000 ---p 00000000 00:00 0 \n"
      "7f0001001000-7f0001011000 rw-p 00000000 00:00 0 \n"
      "7f0002000000-7f0002003000 rw-p 00000000 00:00 0 \n"
      "7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0 [stack]\n");
  return kMappings;
}

constexpr std::uint64_t kThreadControlBlock = 0x7f0000800700;
constexpr std::uint64_t kMainControlBlock = 0x7f0002001740;  // in ld.so's own mapping
constexpr std::uint64_t kLimit = 8 << 20;

StackBounds stack_of(std::uint64_t sp, std::uint64_t fs_base, std::optional<std::uint64_t> limit = kLimit) {
  Registers registers;
  registers.dwarf[Registers::kRsp] = sp;
  registers.fs_base = fs_base;
  return find_stack(mappings(), registers, limit);
}

void expect(const StackBounds& bounds, std::uint64_t start, std::uint64_t end) {
  EXPECT_EQ(bounds.start.value(), start);
  EXPECT_EQ(bounds.end.value(), end);
}

TEST(StackBounds, MainThreadHasRoomDownToItsLimit) {
  expect(stack_of(0x7fffffffe000, kMainControlBlock), 0x7fffff7ff000, 0x7ffffffff000);
  expect(stack_of(0x7fffffffe000, kMainControlBlock, std::nullopt), 0x7ffffffde000, 0x7ffffffff000);
  expect(stack_of(0x7fffffffe000, kMainControlBlock, std::uint64_t{1} << 46), 0x7f0002003000, 0x7ffffffff000);
}

TEST(StackBounds, MainThreadThatOverflowed) {
  expect(stack_of(0x7fffff7feff8, kMainControlBlock), 0x7fffff7ff000, 0x7ffffffff000);
  expect(stack_of(0x7fffff000000, kMainControlBlock), 0x7fffff7ff000, 0x7ffffffff000);
}

TEST(StackBounds, OtherThreads) {
  expect(stack_of(0x7f0000700000, kThreadControlBlock), 0x7f0000001000, 0x7f0000801000);
  expect(stack_of(0x7f0000000ff8, kThreadControlBlock), 0x7f0000001000, 0x7f0000801000);
  expect(stack_of(0x7efffff00000, kThreadControlBlock), 0x7f0000001000, 0x7f0000801000);
}

TEST(StackBounds, FibresAreWhereTheStackPointerIs) {
  expect(stack_of(0x7f0001008000, kMainControlBlock), 0x7f0001001000, 0x7f0001011000);
  expect(stack_of(0x7f0001000ff0, kMainControlBlock), 0x7f0001001000, 0x7f0001011000);
}

TEST(StackBounds, NoGuessForAWildStackPointer) {
  expect(stack_of(0x10, kMainControlBlock), 0, 0);
  expect(stack_of(0x555500000100, kMainControlBlock), 0, 0);
  expect(stack_of(UINT64_MAX, kMainControlBlock), 0, 0);
  Registers registers;
  const StackBounds none = find_stack({}, registers, kLimit);
  expect(none, 0, 0);
}

}  // namespace
}  // namespace segwhy
