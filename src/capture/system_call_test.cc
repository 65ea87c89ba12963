#include "capture/system_call.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "unit/fake_target.h"

namespace segwhy {
namespace {

constexpr std::uint64_t kSite = test::kCode + 0x100;

Registers at(std::uint64_t pc, std::uint64_t result) {
  Registers registers;
  registers.dwarf[Registers::kRip] = pc;
  registers.dwarf[Registers::kRax] = result;
  registers.dwarf[Registers::kRdi] = 7;
  registers.dwarf[Registers::kR10] = 9;
  return registers;
}

std::vector<std::uint8_t> padded(std::vector<std::uint8_t> tail) {
  std::vector<std::uint8_t> code(64 - tail.size(), 0x90);
  code.insert(code.end(), tail.begin(), tail.end());
  return code;
}

TEST(SystemCallText, IsTheNumberAndItsArguments) {
  const auto call = system_call_from_text("202 0x7f01 0x189 0x0 0x0 0x0 0xffffffff 0x7ffe0 0x7f02\n");
  ASSERT_TRUE(call);
  EXPECT_EQ(call->number, 202U);
  EXPECT_EQ(call->arguments[0], 0x7f01U);
  EXPECT_EQ(call->arguments[5], 0xffffffffU);
}

TEST(SystemCallText, OfARunningThreadIsNone) {
  EXPECT_FALSE(system_call_from_text("running\n"));
  EXPECT_FALSE(system_call_from_text("-1 0x7ffe0 0x7f02\n"));
  EXPECT_FALSE(system_call_from_text(""));
  EXPECT_FALSE(system_call_from_text("1 2 3 4 5 6 7 8 9"));
}

TEST(InterruptedCall, ThatIsMadeAgainHasItsNumberBack) {
  test::FakeMemory memory;
  memory.put(kSite, {0x0f, 0x05});
  const auto call = interrupted_call(at(kSite, 61), memory);
  ASSERT_TRUE(call);
  EXPECT_EQ(call->number, 61U);
  EXPECT_EQ(call->arguments[0], 7U);
  EXPECT_EQ(call->arguments[3], 9U);
}

TEST(InterruptedCall, ThatFailedIsNamedByTheCodeBefore) {
  test::FakeMemory memory;
  memory.put(kSite, padded({0xb8, 7, 0, 0, 0, 0x0f, 0x05}));
  const auto call = interrupted_call(at(kSite + 64, static_cast<std::uint64_t>(-EINTR)), memory);
  ASSERT_TRUE(call);
  EXPECT_EQ(call->number, 7U);
}

TEST(InterruptedCall, ReadLoadsItsNumberByClearing) {
  test::FakeMemory memory;
  memory.put(kSite, padded({0x31, 0xc0, 0x0f, 0x05}));
  const auto call = interrupted_call(at(kSite + 64, static_cast<std::uint64_t>(-EINTR)), memory);
  ASSERT_TRUE(call);
  EXPECT_EQ(call->number, 0U);
}

TEST(InterruptedCall, OutsideACallIsNone) {
  test::FakeMemory memory;
  memory.put(kSite, padded({0xb8, 7, 0, 0, 0, 0x90, 0x90}));
  EXPECT_FALSE(interrupted_call(at(kSite + 64, static_cast<std::uint64_t>(-EINTR)), memory));
  EXPECT_FALSE(interrupted_call(at(kSite, 61), memory));
  EXPECT_FALSE(interrupted_call(at(0x10, 61), memory));
}

}  // namespace
}  // namespace segwhy
