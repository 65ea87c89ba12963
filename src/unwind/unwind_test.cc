#include "unwind/unwind.h"

#include <dwarf.h>
#include <execinfo.h>
#include <gtest/gtest.h>
#include <ucontext.h>

#include "evidence/model/case.h"
#include "unit/fake_target.h"
#include "unit/own_process.h"
#include "unwind/dwarf_expression.h"
#include "unwind/return_address.h"

namespace segwhy {
namespace {

using test::FakeTarget;
using test::kCode;
using test::kHeap;
using test::kStack;
using test::kStackEnd;

// Code without unwind information: a page of nop, with "call rax" before each multiple of 16. So kCode + 16 * n is a
// return address and nothing else is.
constexpr std::uint64_t kReturn = kCode + 16;

struct Target : FakeTarget {
  Target() {
    std::vector<std::uint8_t> code(0x1000, 0x90);
    for (std::size_t at = 16; at < code.size(); at += 16) {
      code[at - 2] = 0xff;
      code[at - 1] = 0xd0;
    }
    this->code(std::move(code));
    memory.put(kStack, std::vector<std::uint8_t>(kStackEnd - kStack));
  }
  // A frame of the frame-pointer chain: the saved frame pointer and the return address.
  void frame(std::uint64_t fp, std::uint64_t saved, std::uint64_t return_address) {
    memory.put_word(fp, saved);
    memory.put_word(fp + 8, return_address);
  }
  RawStack unwind(const UnwindLimits& limits = {}) {
    auto unwinder = Unwinder::open(snapshot);
    EXPECT_TRUE(unwinder.has_value());
    return unwinder->unwind(thread(), limits);
  }
};

std::vector<std::uint64_t> pcs(const RawStack& stack) {
  std::vector<std::uint64_t> out;
  for (const RawFrame& f : stack.frames) out.push_back(f.pc.value());
  return out;
}

using Pcs = std::vector<std::uint64_t>;

TEST(Unwind, BadJumpTakesTheReturnAddress) {
  Target target;
  target.reg(Registers::kRip) = 0;
  target.reg(Registers::kRsp) = kStack + 0x100;
  target.memory.put_word(kStack + 0x100, kReturn);
  const RawStack stack = target.unwind();
  ASSERT_EQ(pcs(stack), (Pcs{0, kReturn}));
  EXPECT_STREQ(stack.frames[0].trust, kTrustContext);
  EXPECT_FALSE(stack.frames[0].is_return_address);
  EXPECT_STREQ(stack.frames[1].trust, kTrustReturnAddress);
  EXPECT_TRUE(stack.frames[1].is_return_address);
  EXPECT_EQ(stack.frames[1].sp, TargetAddr(kStack + 0x108));
  EXPECT_FALSE(stack.complete) << "where the thread began was not reached";
}

TEST(Unwind, BadJumpThatWasNoCallIsSearched) {
  Target target;
  target.reg(Registers::kRip) = kHeap;  // mapped, but not executable
  target.reg(Registers::kRsp) = kStack + 0x100;
  target.memory.put_word(kStack + 0x100, kReturn + 1);  // executable, but behind no call
  target.memory.put_word(kStack + 0x108, kHeap);
  target.memory.put_word(kStack + 0x118, kReturn);
  const RawStack stack = target.unwind();
  ASSERT_EQ(pcs(stack), (Pcs{kHeap, kReturn}));
  EXPECT_STREQ(stack.frames[1].trust, kTrustScan);
}

TEST(Unwind, FollowsTheFramePointers) {
  Target target;
  target.reg(Registers::kRip) = kCode;
  target.reg(Registers::kRsp) = kStack + 0x100;
  target.reg(Registers::kRbp) = kStack + 0x140;
  target.frame(kStack + 0x140, kStack + 0x180, kReturn);
  target.frame(kStack + 0x180, 0, kReturn + 16);
  const RawStack stack = target.unwind();
  EXPECT_EQ(pcs(stack), (Pcs{kCode, kReturn, kReturn + 16}));
  EXPECT_STREQ(stack.frames[1].trust, kTrustFp);
  EXPECT_EQ(stack.depth, 3U);
}

TEST(Unwind, FramePointersThatDoNotRiseEndTheWalk) {
  Target target;
  target.reg(Registers::kRsp) = kStack + 0x100;
  target.reg(Registers::kRbp) = kStack + 0x140;
  target.frame(kStack + 0x140, kStack + 0x140, kReturn);  // points to itself
  const RawStack stack = target.unwind();
  EXPECT_EQ(pcs(stack), (Pcs{kCode, kReturn}));
  EXPECT_FALSE(stack.complete);
}

TEST(Unwind, ScanIsBounded) {
  for (const bool within_reach : {true, false}) {
    Target target;
    target.reg(Registers::kRsp) = kStack;
    target.memory.put_word(kStack + (16 << 10) - (within_reach ? 8 : 0), kReturn);
    EXPECT_EQ(target.unwind().frames.size(), within_reach ? 2U : 1U);
  }
}

TEST(Unwind, GarbageGivesTheFirstFrameAlone) {
  Target target;
  target.reg(Registers::kRsp) = 0xdeadbeefdeadbeef;
  target.reg(Registers::kRbp) = 0x4141414141414141;
  const RawStack stack = target.unwind();
  EXPECT_EQ(pcs(stack), Pcs{kCode});
  EXPECT_FALSE(stack.complete);
  EXPECT_EQ(stack.outermost_begin, 1U);

  target.reg(Registers::kRsp) = UINT64_MAX - 4;
  EXPECT_EQ(target.unwind().frames.size(), 1U);
}

TEST(Unwind, WithoutRegistersThereIsNothing) {
  Target target;
  target.thread().registers_known = false;
  EXPECT_TRUE(target.unwind().frames.empty());
}

TEST(Unwind, CrossesASignalFrameToAnotherStack) {
  Target target;
  constexpr std::uint64_t kTrampoline = kCode + 0x800;
  target.code({0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05}, kTrampoline);
  constexpr std::uint64_t kAlternate = 0x7fffffff00000000;  // higher than the stack: the walk has to come down again
  target.memory.put(kAlternate, std::vector<std::uint8_t>(0x1000));
  target.reg(Registers::kRip) = kTrampoline;
  target.reg(Registers::kRsp) = kAlternate;
  const std::uint64_t gregs = kAlternate + offsetof(ucontext_t, uc_mcontext.gregs);
  target.memory.put_word(gregs + REG_RIP * 8, kCode + 3);
  target.memory.put_word(gregs + REG_RSP * 8, kStack + 0x100);
  target.memory.put_word(gregs + REG_RBP * 8, kStack + 0x140);
  target.frame(kStack + 0x140, 0, kReturn);
  const RawStack stack = target.unwind();
  ASSERT_EQ(pcs(stack), (Pcs{kTrampoline, kCode + 3, kReturn}));
  EXPECT_TRUE(stack.frames[0].signal_frame);
  EXPECT_FALSE(stack.frames[1].signal_frame);
  EXPECT_FALSE(stack.frames[1].is_return_address) << "it was interrupted, not calling";
  EXPECT_EQ(stack.frames[1].sp, TargetAddr(kStack + 0x100));
}

TEST(Unwind, SignalFramesInACircleEnd) {
  Target target;
  constexpr std::uint64_t kTrampoline = kCode + 0x800;
  target.code({0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05}, kTrampoline);
  target.reg(Registers::kRip) = kTrampoline;
  target.reg(Registers::kRsp) = kStack + 0x100;
  const std::uint64_t gregs = kStack + 0x100 + offsetof(ucontext_t, uc_mcontext.gregs);
  target.memory.put_word(gregs + REG_RIP * 8, kTrampoline);
  target.memory.put_word(gregs + REG_RSP * 8, kStack + 0x100);
  const RawStack stack = target.unwind();
  EXPECT_LT(stack.depth, 100U);
  EXPECT_FALSE(stack.complete);
}

// A recursion of `depth` frames by frame pointers.
void recurse(Target& target, std::uint64_t depth) {
  constexpr std::uint64_t kFrame = 16;
  const std::uint64_t base = 0x600000000000;
  std::vector<std::uint8_t> stack((depth + 2) * kFrame);
  for (std::uint64_t i = 0; i < depth; ++i) {
    const std::uint64_t saved = i + 1 < depth ? base + (i + 1) * kFrame : 0;
    const std::uint64_t pc = kCode + 16 * (1 + i % 200);
    std::memcpy(&stack[i * kFrame], &saved, 8);
    std::memcpy(&stack[i * kFrame + 8], &pc, 8);
  }
  target.map(base, stack.size(), "rw-", "");
  target.memory.put(base, std::move(stack));
  target.reg(Registers::kRsp) = base;
  target.reg(Registers::kRbp) = base;
}

TEST(Unwind, RunawayRecursionKeepsBothEnds) {
  Target target;
  constexpr std::uint64_t kDepth = 300'000;
  recurse(target, kDepth);
  UnwindLimits limits;
  limits.innermost = 10;
  limits.outermost = 4;
  const RawStack stack = target.unwind(limits);
  EXPECT_EQ(stack.depth, kDepth + 1);
  ASSERT_EQ(stack.frames.size(), 14U);
  EXPECT_EQ(stack.outermost_begin, 10U);
  EXPECT_EQ(stack.frames[0].pc, TargetAddr(kCode));
  EXPECT_EQ(stack.frames[13].sp, TargetAddr(0x600000000000 + kDepth * 16)) << "the last one";
  EXPECT_EQ(stack.frames[10].sp, TargetAddr(0x600000000000 + (kDepth - 3) * 16)) << "in order";
}

TEST(Unwind, WalkThatIsCutOffHasNoOutermostFrames) {
  Target target;
  recurse(target, 1000);
  UnwindLimits limits;
  limits.innermost = 10;
  limits.count_up_to = 500;
  const RawStack stack = target.unwind(limits);
  EXPECT_EQ(stack.depth, 500U);
  EXPECT_EQ(stack.frames.size(), 10U);
  EXPECT_EQ(stack.outermost_begin, 10U);
  EXPECT_FALSE(stack.complete);
}

TEST(Unwind, NothingIsLeftOutOfAStackThatFits) {
  Target target;
  recurse(target, 13);
  UnwindLimits limits;
  limits.innermost = 10;
  limits.outermost = 4;
  const RawStack stack = target.unwind(limits);
  EXPECT_EQ(stack.depth, 14U);
  EXPECT_EQ(stack.frames.size(), 14U);
  EXPECT_EQ(stack.outermost_begin, 14U);
}

// --- this process --------------------------------------------------------------------------------------------------

// The callee-saved registers are all that unwinding needs; they are read at one place for both walks.
[[gnu::noinline]] RawStack unwind_here(std::vector<std::uint64_t>& expected) {
  std::array<void*, 64> addresses{};
  const int count = ::backtrace(addresses.data(), static_cast<int>(addresses.size()));
  for (int i = 0; i < count; ++i)
    expected.push_back(reinterpret_cast<std::uint64_t>(addresses.at(static_cast<std::size_t>(i))));

  ucontext_t context{};
  ::getcontext(&context);
  test::OwnProcess own;
  ThreadSnapshot thread;
  auto& registers = thread.registers.dwarf;
  const auto take = [&](Registers::Index to, int from) {
    registers[to] = static_cast<std::uint64_t>(context.uc_mcontext.gregs[from]);
  };
  take(Registers::kRip, REG_RIP);
  take(Registers::kRsp, REG_RSP);
  take(Registers::kRbp, REG_RBP);
  take(Registers::kRbx, REG_RBX);
  take(Registers::kR12, REG_R12);
  take(Registers::kR13, REG_R13);
  take(Registers::kR14, REG_R14);
  take(Registers::kR15, REG_R15);
  return Unwinder::open(own.snapshot)->unwind(thread, {});
}

TEST(UnwindByCfi, AgreesWithTheRuntimeUnwinder) {
  std::vector<std::uint64_t> expected;
  const RawStack stack = unwind_here(expected);
  EXPECT_TRUE(stack.complete);
  // A sanitizer's interceptor of backtrace() is a frame more, above.
  ASSERT_GE(expected.size(), stack.frames.size());
  const std::size_t above = expected.size() - stack.frames.size();
  ASSERT_LE(above, 1U);
  ASSERT_GT(stack.frames.size(), 3U);
  for (std::size_t i = 1; i < stack.frames.size(); ++i) {
    EXPECT_EQ(stack.frames[i].pc.value(), expected[i + above]) << "frame " << i;
    EXPECT_STREQ(stack.frames[i].trust, kTrustCfi);
  }
}

// --- parts ---------------------------------------------------------------------------------------------------------

bool follows(std::vector<std::uint8_t> call) {
  FakeTarget target;
  std::vector<std::uint8_t> code(64, 0x90);
  std::copy(call.begin(), call.end(), code.begin() + 32 - static_cast<std::ptrdiff_t>(call.size()));
  target.code(std::move(code));
  return CodeInspector(target.snapshot).follows_call(TargetAddr(kCode + 32));
}

TEST(ReturnAddress, EveryFormOfCall) {
  EXPECT_TRUE(follows({0xe8, 1, 2, 3, 4})) << "call rel32";
  EXPECT_TRUE(follows({0xff, 0xd0})) << "call rax";
  EXPECT_TRUE(follows({0x41, 0xff, 0xd7})) << "call r15";
  EXPECT_TRUE(follows({0xff, 0x10})) << "call [rax]";
  EXPECT_TRUE(follows({0xff, 0x50, 0x18})) << "call [rax+0x18]";
  EXPECT_TRUE(follows({0xff, 0x90, 0, 1, 0, 0})) << "call [rax+0x100]";
  EXPECT_TRUE(follows({0xff, 0x15, 0, 1, 0, 0})) << "call [rip+0x100]";
  EXPECT_TRUE(follows({0xff, 0x14, 0xc8})) << "call [rax+rcx*8]";
  EXPECT_TRUE(follows({0xff, 0x54, 0xc8, 0x08})) << "call [rax+rcx*8+8]";
  EXPECT_TRUE(follows({0xff, 0x94, 0xc8, 0, 1, 0, 0})) << "call [rax+rcx*8+0x100]";
  EXPECT_TRUE(follows({0xff, 0x14, 0xc5, 0, 1, 0, 0})) << "call [rax*8+0x100]";
}

TEST(ReturnAddress, NearMisses) {
  EXPECT_FALSE(follows({})) << "nops";
  EXPECT_FALSE(follows({0xff, 0xe0})) << "jmp rax";
  EXPECT_FALSE(follows({0xff, 0x30})) << "push [rax]";
  EXPECT_FALSE(follows({0xe9, 1, 2, 3, 4})) << "jmp rel32";
  EXPECT_FALSE(follows({0xff, 0x10, 0x90})) << "an instruction after the call";
}

TEST(ReturnAddress, FirstByteOfAMappingFollowsNothing) {
  FakeTarget target;
  target.code(std::vector<std::uint8_t>(16, 0xe8));
  EXPECT_FALSE(CodeInspector(target.snapshot).follows_call(TargetAddr(kCode)));
}

std::optional<std::uint64_t> evaluate(std::vector<Dwarf_Op> ops, std::optional<std::uint64_t> initial = {}) {
  FakeTarget target;
  target.memory.put_word(kHeap, 0x1122334455667788);
  FrameState frame;
  frame.set(Registers::kRsp, kHeap);
  frame.set(Registers::kRip, 0x40102b);
  StackReader memory(target.memory);
  return evaluate_expression(ops, frame, memory, initial);
}

Dwarf_Op op(std::uint8_t atom, std::uint64_t number = 0, std::uint64_t second = 0) {
  return {atom, number, second, 0};
}

TEST(DwarfExpression, ProcedureLinkageTableEntry) {
  // The rule of .plt: CFA = rsp + 8 + (((rip & 15) >= 11) << 3).
  const std::vector<Dwarf_Op> rule = {op(DW_OP_breg7, 8), op(DW_OP_breg16), op(DW_OP_lit15),
                                      op(DW_OP_and),      op(DW_OP_lit11),  op(DW_OP_ge),
                                      op(DW_OP_lit3),     op(DW_OP_shl),    op(DW_OP_plus)};
  EXPECT_EQ(evaluate(rule), kHeap + 16);
}

TEST(DwarfExpression, MemoryAndArithmetic) {
  EXPECT_EQ(evaluate({op(DW_OP_breg7), op(DW_OP_deref)}), 0x1122334455667788U);
  EXPECT_EQ(evaluate({op(DW_OP_breg7), op(DW_OP_deref_size, 2)}), 0x7788U);
  EXPECT_EQ(evaluate({op(DW_OP_bregx, 7, 24)}), kHeap + 24);
  EXPECT_EQ(evaluate({op(DW_OP_plus_uconst, 5)}, 100), 105U) << "starts with the CFA";
  EXPECT_EQ(evaluate({op(DW_OP_lit5), op(DW_OP_lit3), op(DW_OP_minus)}), 2U);
  EXPECT_EQ(evaluate({op(DW_OP_const8s, static_cast<std::uint64_t>(-8)), op(DW_OP_lit1), op(DW_OP_shra)}),
            static_cast<std::uint64_t>(-4));
  EXPECT_EQ(evaluate({op(DW_OP_lit1), op(DW_OP_lit2), op(DW_OP_swap), op(DW_OP_drop)}), 2U);
  EXPECT_EQ(evaluate({op(DW_OP_lit1), op(DW_OP_lit2), op(DW_OP_over)}), 1U);
}

TEST(DwarfExpression, WhatCannotBeEvaluatedIsAbsent) {
  EXPECT_EQ(evaluate({}), std::nullopt);
  EXPECT_EQ(evaluate({op(DW_OP_plus)}), std::nullopt) << "nothing on the stack";
  EXPECT_EQ(evaluate({op(DW_OP_breg3)}), std::nullopt) << "register not known";
  EXPECT_EQ(evaluate({op(DW_OP_lit1), op(DW_OP_deref)}), std::nullopt) << "unreadable";
  EXPECT_EQ(evaluate({op(DW_OP_skip, 3)}), std::nullopt) << "branches are not supported";
  EXPECT_EQ(evaluate(std::vector<Dwarf_Op>(300, op(DW_OP_lit1))), std::nullopt) << "too long";
}

}  // namespace
}  // namespace segwhy
