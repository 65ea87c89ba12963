#include <gtest/gtest.h>

#include <csignal>

#include "decode/decode.h"
#include "unit/fake_target.h"

namespace segwhy {
namespace {

using test::FakeTarget;
using test::kCode;
using test::kHeap;
using test::kStack;
using test::kStackEnd;

constexpr int kSiKernel = 0x80;
constexpr std::uint64_t kPageFault = 14;
constexpr std::uint64_t kWild = 0x5555deadb000;
constexpr std::uint64_t kNonCanonical = 0xdeadbeefdeadbeef;

const std::vector<std::uint8_t> kLoad = {0x48, 0x8b, 0x07};            // mov rax, [rdi]
const std::vector<std::uint8_t> kStore = {0xc7, 0x00, 0x07, 0, 0, 0};  // mov dword ptr [rax], 7
const std::vector<std::uint8_t> kCopy = {0xf3, 0xa4};                  // rep movsb

Fault fault_of(const FakeTarget& target) {
  auto fault = describe_fault(target.snapshot);
  EXPECT_TRUE(fault.has_value());
  return fault.value_or(Fault{});
}

TEST(Fault, OnlySynchronousSignalsHaveOne) {
  FakeTarget target;
  target.code(kLoad);
  EXPECT_FALSE(describe_fault(target.snapshot)) << "no signal";
  target.signal(SIGSEGV, SI_USER, 0);
  EXPECT_FALSE(describe_fault(target.snapshot)) << "sent by kill(1)";
  target.signal(SIGSEGV, SI_TKILL, 0);
  EXPECT_FALSE(describe_fault(target.snapshot)) << "raised";
  target.signal(SIGABRT, SI_KERNEL, 0);
  EXPECT_FALSE(describe_fault(target.snapshot)) << "no fault";
  target.signal(SIGSEGV, SEGV_MAPERR, 0);
  EXPECT_TRUE(describe_fault(target.snapshot));
}

TEST(Fault, DirectionComesFromTheCpuBeforeTheInstruction) {
  FakeTarget target;
  target.code({0xf0, 0x48, 0x0f, 0xb1, 0x37});  // lock cmpxchg [rdi], rsi: reads and writes
  target.reg(Registers::kRdi) = kWild;
  target.signal(SIGSEGV, SEGV_MAPERR, kWild);
  Fault fault = fault_of(target);
  EXPECT_EQ(fault.access, "write");
  EXPECT_EQ(fault.access_source, "instruction");

  target.snapshot.signal->page_fault_error = 4;  // user, read
  target.snapshot.signal->trap_number = kPageFault;
  fault = fault_of(target);
  EXPECT_EQ(fault.access, "read");
  EXPECT_EQ(fault.access_source, "page-fault");
  EXPECT_EQ(fault.width, 8U);
  EXPECT_EQ(fault.operand, 0U);
}

TEST(Fault, HowMuchAMaskedStoreWritesIsNotKnown) {
  FakeTarget target;
  target.reg(Registers::kRax) = kWild;
  target.signal(SIGSEGV, SEGV_MAPERR, kWild);
  target.code({0x62, 0xe1, 0x7f, 0x49, 0x7f, 0x00});  // vmovdqu8 [rax]{k1}, zmm16
  EXPECT_EQ(fault_of(target).width, 0U);
  EXPECT_EQ(fault_of(target).access, "write");
  target.code({0x62, 0xe1, 0x7f, 0x48, 0x7f, 0x00});  // without a mask
  EXPECT_EQ(fault_of(target).width, 64U);
}

TEST(Fault, ErrorCodeOfAnotherTrapIsIgnored) {
  FakeTarget target;
  target.code(kLoad);
  target.reg(Registers::kRdi) = kWild;
  target.signal(SIGSEGV, SEGV_MAPERR, kWild).page_fault_error = 2;
  target.snapshot.signal->trap_number = 13;
  EXPECT_EQ(fault_of(target).access, "read");
}

TEST(Fault, NullPointerWithAnOffset) {
  FakeTarget target;
  target.code({0x48, 0x8b, 0x47, 0x18});  // mov rax, [rdi+0x18]
  target.reg(Registers::kRdi) = 0;
  target.signal(SIGSEGV, SEGV_MAPERR, 0x18);
  const Fault fault = fault_of(target);
  EXPECT_EQ(fault.address, 0x18U);
  EXPECT_EQ(fault.access, "read");
  EXPECT_FALSE(fault.inside);
  EXPECT_FALSE(fault.below);
  ASSERT_TRUE(fault.above);
  EXPECT_EQ(fault.above->start, kCode);
  EXPECT_EQ(fault.above->distance, kCode - 0x18);
}

TEST(Fault, NonCanonicalAddressIsRecoveredFromTheOperand) {
  FakeTarget target;
  target.code(kLoad);
  target.reg(Registers::kRdi) = kNonCanonical;
  target.signal(SIGSEGV, kSiKernel, 0);
  const Fault fault = fault_of(target);
  EXPECT_EQ(fault.address, kNonCanonical);
  EXPECT_EQ(fault.address_source, "operand");
  EXPECT_TRUE(fault.non_canonical);
  EXPECT_FALSE(fault.misaligned);
  EXPECT_EQ(fault.access, "read");
  EXPECT_EQ(fault.width, 8U);
}

TEST(Fault, AccessThatRunsIntoTheNonCanonicalHole) {
  FakeTarget target;
  target.code(kLoad);
  target.reg(Registers::kRdi) = 0x00007ffffffffffc;
  target.signal(SIGSEGV, kSiKernel, 0);
  EXPECT_EQ(fault_of(target).address, 0x00007ffffffffffcU);
}

TEST(Fault, StackPointerThatIsNoAddress) {
  FakeTarget target;
  target.code({0x55});  // push rbp
  target.reg(Registers::kRsp) = kNonCanonical;
  target.signal(SIGBUS, kSiKernel, 0);  // the kernel's signal for a stack-segment fault
  const Fault fault = fault_of(target);
  EXPECT_EQ(fault.address, kNonCanonical - 8);
  EXPECT_EQ(fault.access, "write");
}

TEST(Fault, MisalignedVectorAccess) {
  FakeTarget target;
  target.code({0x0f, 0x28, 0x07});  // movaps xmm0, [rdi]
  target.reg(Registers::kRdi) = kHeap + 8;
  target.signal(SIGSEGV, kSiKernel, 0);
  const Fault fault = fault_of(target);
  EXPECT_TRUE(fault.misaligned);
  EXPECT_FALSE(fault.non_canonical);
  EXPECT_EQ(fault.address, kHeap + 8);
  EXPECT_EQ(fault.width, 16U);
  ASSERT_TRUE(fault.inside);
  EXPECT_EQ(fault.inside->path, "[heap]");
}

TEST(Fault, UnalignedVectorAccessIsNotBlamedOnAlignment) {
  FakeTarget target;
  target.code({0xf3, 0x0f, 0x6f, 0x07});  // movdqu xmm0, [rdi]
  target.reg(Registers::kRdi) = kHeap + 8;
  target.signal(SIGSEGV, kSiKernel, 0);
  const Fault fault = fault_of(target);
  EXPECT_FALSE(fault.misaligned);
  EXPECT_EQ(fault.address, std::nullopt) << "nothing explains it: no guess";
  EXPECT_TRUE(fault.access.empty());
}

TEST(Fault, AlignmentMattersByWidthAndEncoding) {
  const auto misaligned = [](std::vector<std::uint8_t> code, std::uint64_t offset) {
    FakeTarget target;
    target.code(std::move(code));
    target.reg(Registers::kRdi) = kHeap + offset;
    target.signal(SIGSEGV, kSiKernel, 0);
    return fault_of(target).misaligned;
  };
  EXPECT_TRUE(misaligned({0xc5, 0xfc, 0x28, 0x07}, 16)) << "vmovaps ymm0, [rdi] wants 32";
  EXPECT_FALSE(misaligned({0xc5, 0xfc, 0x28, 0x07}, 32));
  EXPECT_TRUE(misaligned({0x0f, 0x58, 0x07}, 4)) << "addps xmm0, [rdi]";
  EXPECT_FALSE(misaligned({0xc5, 0xf8, 0x58, 0x07}, 4)) << "vaddps xmm0, xmm0, [rdi]: VEX does not insist";
  EXPECT_TRUE(misaligned({0x48, 0x0f, 0xc7, 0x0f}, 8)) << "cmpxchg16b [rdi]";
  EXPECT_FALSE(misaligned({0xf3, 0x0f, 0x58, 0x07}, 1)) << "addss xmm0, [rdi] is scalar";
}

TEST(Fault, ReturnToGarbage) {
  FakeTarget target;
  target.code({0xc3});
  target.memory.put_word(target.reg(Registers::kRsp), 0x4141414141414141);
  target.signal(SIGSEGV, kSiKernel, 0);
  const Fault fault = fault_of(target);
  EXPECT_EQ(fault.address, 0x4141414141414141U);
  EXPECT_EQ(fault.access, "execute");
  EXPECT_TRUE(fault.non_canonical);
}

TEST(Fault, CallThroughAGarbagePointer) {
  FakeTarget target;
  target.code({0xff, 0x50, 0x18});  // call [rax+0x18]
  target.reg(Registers::kRax) = kHeap;
  target.memory.put_word(kHeap + 0x18, kNonCanonical);
  target.signal(SIGSEGV, kSiKernel, 0);
  Fault fault = fault_of(target);
  EXPECT_EQ(fault.address, kNonCanonical);
  EXPECT_EQ(fault.access, "execute");

  target.reg(Registers::kRax) = kNonCanonical;  // the table itself is garbage
  fault = fault_of(target);
  EXPECT_EQ(fault.address, kNonCanonical + 0x18);
  EXPECT_EQ(fault.access, "read");
}

TEST(Fault, ProgramCounterThatIsNoAddress) {
  FakeTarget target;
  target.reg(Registers::kRip) = kNonCanonical;
  target.signal(SIGSEGV, kSiKernel, 0);
  const Fault fault = fault_of(target);
  EXPECT_EQ(fault.address, kNonCanonical);
  EXPECT_EQ(fault.address_source, "pc");
  EXPECT_EQ(fault.access, "execute");
  EXPECT_FALSE(fault.instruction);
}

TEST(Fault, JumpToNull) {
  FakeTarget target;
  target.reg(Registers::kRip) = 0;
  target.signal(SIGSEGV, SEGV_MAPERR, 0);
  const Fault fault = fault_of(target);
  EXPECT_EQ(fault.access, "execute");
  EXPECT_EQ(fault.address, 0U);
  EXPECT_FALSE(fault.instruction);
}

TEST(Fault, JumpToDataIsReadableButNotExecutable) {
  FakeTarget target;
  target.code(kLoad, kHeap);  // what lies there even decodes
  target.reg(Registers::kRip) = kHeap;
  target.reg(Registers::kRdi) = kHeap;
  target.signal(SIGSEGV, SEGV_ACCERR, kHeap);
  EXPECT_EQ(fault_of(target).access, "execute");
}

TEST(Fault, CodeThatReadsItselfIsNoJump) {
  FakeTarget target;
  target.code(kLoad);
  target.reg(Registers::kRdi) = kCode;
  target.signal(SIGBUS, BUS_ADRERR, kCode);
  EXPECT_EQ(fault_of(target).access, "read");
}

TEST(Fault, FetchAcrossAPageEnd) {
  FakeTarget target;
  target.reg(Registers::kRip) = kCode + 0xffe;
  target.signal(SIGSEGV, SEGV_MAPERR, kCode + 0x1000).page_fault_error = 0x14;
  target.snapshot.signal->trap_number = kPageFault;
  EXPECT_EQ(fault_of(target).access, "execute");
}

TEST(Fault, SidesOfACopyAreToldApart) {
  FakeTarget target;
  target.code(kCopy);
  target.reg(Registers::kRcx) = 0x2000;
  target.reg(Registers::kRsi) = kHeap + 0x800;
  target.reg(Registers::kRdi) = kWild;
  target.signal(SIGSEGV, SEGV_MAPERR, kWild + 0x10);
  Fault fault = fault_of(target);
  EXPECT_EQ(fault.access, "write");
  ASSERT_TRUE(fault.operand);
  EXPECT_EQ(fault.instruction->operands[*fault.operand].base, "rdi");

  target.signal(SIGSEGV, SEGV_MAPERR, kHeap + 0x1000);
  fault = fault_of(target);
  EXPECT_EQ(fault.access, "read");
  EXPECT_EQ(fault.instruction->operands[*fault.operand].base, "rsi");
}

TEST(Fault, OverlappingSidesAreToldApartByTheCpu) {
  FakeTarget target;
  target.code(kCopy);
  target.reg(Registers::kRcx) = 0x2000;
  target.reg(Registers::kRsi) = kHeap + 0xff0;
  target.reg(Registers::kRdi) = kHeap + 0xfe0;
  target.signal(SIGSEGV, SEGV_MAPERR, kHeap + 0x1000).page_fault_error = 4;
  EXPECT_EQ(fault_of(target).access, "read");
  target.snapshot.signal->page_fault_error = 6;
  const Fault fault = fault_of(target);
  EXPECT_EQ(fault.access, "write");
  EXPECT_EQ(fault.instruction->operands[*fault.operand].base, "rdi");
}

TEST(Fault, AccessAcrossAPageEnd) {
  FakeTarget target;
  target.code(kLoad);
  target.reg(Registers::kRdi) = kHeap + 0xffc;
  target.signal(SIGSEGV, SEGV_MAPERR, kHeap + 0x1000);
  const Fault fault = fault_of(target);
  EXPECT_TRUE(fault.crosses_page);
  EXPECT_EQ(fault.width, 8U);
  ASSERT_TRUE(fault.below);
  EXPECT_EQ(fault.below->path, "[heap]");
  EXPECT_EQ(fault.below->distance, 0U);

  target.reg(Registers::kRdi) = kHeap + 0x1000;
  EXPECT_FALSE(fault_of(target).crosses_page);
}

TEST(Fault, OperandThatDoesNotCoverTheAddressIsNotBlamed) {
  FakeTarget target;
  target.code(kLoad);
  target.reg(Registers::kRdi) = kHeap;
  target.signal(SIGSEGV, SEGV_MAPERR, kWild);
  const Fault fault = fault_of(target);
  EXPECT_EQ(fault.operand, std::nullopt);
  EXPECT_TRUE(fault.access.empty());
  EXPECT_EQ(fault.width, 0U);
}

TEST(Fault, LaneOfAGatherIsFoundByElimination) {
  FakeTarget target;
  target.code({0x62, 0xf2, 0x7d, 0x49, 0x92, 0x04, 0x88});  // vgatherdps zmm0{k1}, [rax+zmm1*4]
  target.reg(Registers::kRax) = kHeap;
  target.signal(SIGSEGV, SEGV_MAPERR, kWild);
  const Fault fault = fault_of(target);
  EXPECT_EQ(fault.access, "read");
  EXPECT_EQ(fault.width, 4U);
}

TEST(Fault, StackOverflowOfTheCrashedThread) {
  FakeTarget target;
  target.code({0x55});  // push rbp
  target.reg(Registers::kRsp) = kStack;
  target.signal(SIGSEGV, SEGV_MAPERR, kStack - 8);
  const Fault fault = fault_of(target);
  EXPECT_EQ(fault.access, "write");
  EXPECT_EQ(fault.stack_of_tid, 100);
  EXPECT_EQ(fault.below_sp, 8);
  EXPECT_EQ(fault.stack_size, kStackEnd - kStack);
  EXPECT_EQ(fault.stack_used, kStackEnd - kStack);
}

TEST(Fault, GuardPageOfAThreadBelongsToItsStack) {
  FakeTarget target;
  constexpr std::uint64_t kGuard = 0x7ffff0000000;
  target.map(kGuard, 0x1000, "---", "");
  target.map(kGuard + 0x1000, 0x8000, "rw-", "");
  target.thread().stack_start = TargetAddr(kGuard + 0x1000);
  target.thread().stack_end = TargetAddr(kGuard + 0x9000);
  target.reg(Registers::kRsp) = kGuard + 0x1010;
  target.code(kStore);
  target.reg(Registers::kRax) = kGuard + 0xf00;
  target.signal(SIGSEGV, SEGV_ACCERR, kGuard + 0xf00);
  EXPECT_EQ(fault_of(target).stack_of_tid, 100);
}

TEST(Fault, OtherMemoryBelowAStackIsNotTheStack) {
  FakeTarget target;
  constexpr std::uint64_t kOther = kStack - 0x2000;
  target.map(kOther, 0x1000, "r--", "/data");
  target.code(kStore);
  target.reg(Registers::kRax) = kOther;
  target.signal(SIGSEGV, SEGV_ACCERR, kOther);
  const Fault fault = fault_of(target);
  EXPECT_EQ(fault.stack_of_tid, std::nullopt);
  EXPECT_EQ(fault.inside->path, "/data");
  EXPECT_EQ(fault.inside->permissions, "r--p");
}

TEST(Fault, AnotherThreadsStack) {
  FakeTarget target;
  ThreadSnapshot other;
  other.tid = 200;
  other.stack_start = TargetAddr(0x7fff00000000);
  other.stack_end = TargetAddr(0x7fff00010000);
  target.snapshot.threads.push_back(other);
  target.code(kStore);
  target.reg(Registers::kRax) = 0x7fff00000100;
  target.signal(SIGSEGV, SEGV_MAPERR, 0x7fff00000100);
  EXPECT_EQ(fault_of(target).stack_of_tid, 200);
}

TEST(Fault, BreakpointIsTheInstructionBeforeThePc) {
  FakeTarget target;
  target.code({0xcc, 0xc3});
  target.reg(Registers::kRip) = kCode + 1;
  target.signal(SIGTRAP, kSiKernel, 0);
  const Fault fault = fault_of(target);
  ASSERT_TRUE(fault.instruction);
  EXPECT_EQ(fault.instruction->mnemonic, "int3");
  EXPECT_EQ(fault.address, kCode);
}

TEST(Fault, ArithmeticFaultsHaveNoAccess) {
  FakeTarget target;
  target.code({0x49, 0xf7, 0xf8});
  target.signal(SIGFPE, FPE_INTDIV, kCode);
  const Fault fault = fault_of(target);
  EXPECT_EQ(fault.instruction->category, "div");
  EXPECT_TRUE(fault.access.empty());
  EXPECT_EQ(fault.address_source, "pc");
}

TEST(Fault, WithoutRegistersOnlyWhatTheKernelSaid) {
  FakeTarget target;
  target.thread().registers_known = false;
  target.signal(SIGSEGV, SEGV_MAPERR, kWild).page_fault_error = 6;
  const Fault fault = fault_of(target);
  EXPECT_EQ(fault.address, kWild);
  EXPECT_EQ(fault.access, "write");
  EXPECT_FALSE(fault.instruction);
  EXPECT_FALSE(fault.below_sp);
}

}  // namespace
}  // namespace segwhy
