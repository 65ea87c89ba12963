#include <gtest/gtest.h>

#include "decode/cpu_features.h"
#include "decode/decode.h"
#include "unit/fake_target.h"

namespace segwhy {
namespace {

using test::FakeTarget;
using test::kCode;
using test::kHeap;

Instruction decode(FakeTarget& target, std::vector<std::uint8_t> bytes) {
  target.code(std::move(bytes));
  auto instruction = decode_instruction(target.snapshot, target.thread());
  EXPECT_TRUE(instruction.has_value());
  return instruction.value_or(Instruction{});
}

const Operand* memory_operand(const Instruction& instruction) {
  for (const Operand& o : instruction.operands) {
    if (o.kind == "memory") return &o;
  }
  return nullptr;
}

const Operand* register_operand(const Instruction& instruction, const std::string& text) {
  for (const Operand& o : instruction.operands) {
    if (o.kind == "register" && o.text == text) return &o;
  }
  return nullptr;
}

// --- kinds ---------------------------------------------------------------------------------------------------------

struct Kind {
  const char* name;
  std::vector<std::uint8_t> bytes;
  const char* mnemonic;
  const char* category;
  const char* isa_set;
  // Of the first memory operand: "r", "w", "rw"; "-" when it is not accessed; "" when there is none.
  const char* access;
  std::uint32_t width;
};

const std::vector<Kind> kKinds = {
    {"store", {0xc7, 0x00, 7, 0, 0, 0}, "mov", "move", "I86", "w", 4},
    {"load_zero_extended", {0x0f, 0xb6, 0x07}, "movzx", "move", "I386", "r", 1},
    {"address_only", {0x48, 0x8d, 0x41, 0x08}, "lea", "other", "I86", "-", 8},
    {"divide_by_memory", {0xf7, 0x3b}, "idiv", "div", "I86", "r", 4},
    {"divide_by_register", {0x49, 0xf7, 0xf8}, "idiv", "div", "I86", "", 0},
    {"divide_bytes", {0xf6, 0xf1}, "div", "div", "I86", "", 0},
    {"undefined", {0x0f, 0x0b}, "ud2", "trap", "PPRO", "", 0},
    {"breakpoint", {0xcc}, "int3", "trap", "I86", "", 0},
    {"halt", {0xf4}, "hlt", "trap", "I86", "", 0},
    {"call_memory", {0xff, 0x50, 0x18}, "call", "call", "I86", "r", 8},
    {"call_register", {0xff, 0xd0}, "call", "call", "I86", "w", 8},
    {"call_direct", {0xe8, 0, 1, 0, 0}, "call", "call", "I86", "w", 8},
    {"return", {0xc3}, "ret", "ret", "I86", "r", 8},
    {"push_memory", {0xff, 0x32}, "push", "stack", "I86", "r", 8},
    {"push_register", {0x55}, "push", "stack", "I86", "w", 8},
    {"pop_register", {0x5b}, "pop", "stack", "I86", "r", 8},
    {"leave", {0xc9}, "leave", "stack", "I186", "r", 8},
    {"jump_table", {0xff, 0x24, 0xc5, 0, 0x10, 0, 0}, "jmp", "jump", "I86", "r", 8},
    {"copy_bytes", {0xf3, 0xa4}, "movsb", "string", "I86", "w", 1},
    {"fill_words", {0xf3, 0x48, 0xab}, "stosq", "string", "LONGMODE", "w", 8},
    {"search_bytes", {0xf2, 0xae}, "scasb", "string", "I86", "r", 1},
    {"compare_exchange", {0xf0, 0x48, 0x0f, 0xb1, 0x37}, "cmpxchg", "other", "I486REAL", "rw", 8},
    {"exchange", {0x48, 0x87, 0x07}, "xchg", "move", "I86", "rw", 8},
    {"aligned_vector", {0x0f, 0x28, 0x44, 0x24, 0x08}, "movaps", "move", "SSE", "r", 16},
    {"unaligned_vector", {0x0f, 0x10, 0x44, 0x24, 0x08}, "movups", "move", "SSE", "r", 16},
    {"avx", {0xc5, 0xfc, 0x28, 0x07}, "vmovaps", "move", "AVX", "r", 32},
    {"avx512", {0x62, 0xf1, 0x7c, 0x48, 0x10, 0x07}, "vmovups", "move", "AVX512F_512", "r", 64},
    {"fma4", {0xc4, 0xe3, 0xf1, 0x69, 0xc3, 0x20}, "vfmaddpd", "other", "FMA4", "", 0},
    {"gather512", {0x62, 0xf2, 0x7d, 0x49, 0x92, 0x04, 0x88}, "vgatherdps", "move", "AVX512F_512", "r", 4},
    {"gather256", {0xc4, 0xe2, 0xed, 0x91, 0x04, 0xc8}, "vpgatherqq", "move", "AVX2GATHER", "r", 8},
    {"scatter", {0x62, 0xf2, 0x7d, 0x49, 0xa2, 0x04, 0x88}, "vscatterdps", "move", "AVX512F_512", "w", 4},
    {"vnni512", {0x62, 0xf2, 0x75, 0x48, 0x50, 0xc2}, "vpdpbusd", "other", "AVX512_VNNI_512", "", 0},
    {"vnni_vex", {0xc4, 0xe2, 0x75, 0x50, 0xc2}, "vpdpbusd", "other", "AVX_VNNI", "", 0},
    {"half_precision", {0x62, 0xf5, 0x74, 0x48, 0x58, 0xc2}, "vaddph", "other", "AVX512_FP16_512", "", 0},
    {"enqueue", {0xf2, 0x0f, 0x38, 0xf8, 0x07}, "enqcmd", "other", "ENQCMD", "r", 64},
    {"tile", {0xc4, 0xe2, 0x6b, 0x5e, 0xc1}, "tdpbssd", "other", "AMX_INT8", "", 0},
    {"sha", {0x0f, 0x38, 0xcb, 0xc1}, "sha256rnds2", "other", "SHA", "", 0},
    {"gfni", {0x66, 0x0f, 0x38, 0xcf, 0xc1}, "gf2p8mulb", "other", "GFNI", "", 0},
    {"vbmi", {0x62, 0xf2, 0x75, 0x48, 0x8d, 0xc2}, "vpermb", "other", "AVX512_VBMI_512", "", 0},
    {"tbm", {0x8f, 0xe9, 0x78, 0x01, 0xd1}, "blsfill", "other", "TBM", "", 0},
    {"xop", {0x8f, 0xe8, 0x70, 0xa2, 0xc2, 0x30}, "vpcmov", "other", "XOP", "", 0},
    {"prefetch", {0x0f, 0x18, 0x08}, "prefetcht0", "other", "SSE_PREFETCH", "-", 1},
    {"x87", {0xdd, 0x00}, "fld", "other", "X87", "r", 8},
};

class InstructionKinds : public testing::TestWithParam<Kind> {};

TEST_P(InstructionKinds, AreDescribed) {
  const Kind& kind = GetParam();
  FakeTarget target;
  const Instruction instruction = decode(target, kind.bytes);
  EXPECT_EQ(instruction.mnemonic, kind.mnemonic);
  EXPECT_EQ(instruction.category, kind.category);
  EXPECT_EQ(instruction.isa_set, kind.isa_set);
  EXPECT_EQ(instruction.bytes.size(), 2 * kind.bytes.size());
  EXPECT_FALSE(instruction.text.empty());

  const Operand* memory = memory_operand(instruction);
  if (*kind.access == '\0') {
    EXPECT_EQ(memory, nullptr);
    return;
  }
  ASSERT_NE(memory, nullptr) << instruction.text;
  const std::string access = std::string(memory->read ? "r" : "") + (memory->written ? "w" : "");
  EXPECT_EQ(access.empty() ? "-" : access, kind.access) << memory->text;
  EXPECT_EQ(memory->width, kind.width);
}

INSTANTIATE_TEST_SUITE_P(All, InstructionKinds, testing::ValuesIn(kKinds),
                         [](const auto& tested) { return std::string(tested.param.name); });

// --- values --------------------------------------------------------------------------------------------------------

TEST(Instruction, AddressIsComputedFromItsRegisters) {
  FakeTarget target;
  target.reg(Registers::kRcx) = kHeap;
  target.reg(Registers::kRsi) = 3;
  target.memory.put_word(kHeap + 3 * 8 + 16, 0x1234);
  const Instruction i = decode(target, {0x48, 0x8b, 0x44, 0xf1, 0x10});  // mov rax, [rcx+rsi*8+16]
  const Operand* memory = memory_operand(i);
  ASSERT_NE(memory, nullptr);
  EXPECT_EQ(memory->address, kHeap + 40);
  EXPECT_EQ(memory->value, 0x1234U);
  EXPECT_EQ(memory->base, "rcx");
  EXPECT_EQ(memory->index, "rsi");
  EXPECT_EQ(memory->scale, 8U);
  EXPECT_EQ(memory->displacement, 16);
  EXPECT_EQ(memory->registers, (std::map<std::string, std::uint64_t>{{"rcx", kHeap}, {"rsi", 3}}));
}

TEST(Instruction, DivisorComesFirstThenTheDividend) {
  FakeTarget target;
  target.reg(Registers::kR8) = 0;
  target.reg(Registers::kRax) = 10;
  target.reg(Registers::kRdx) = 0xFFFFFFFFFFFFFFFF;
  const Instruction i = decode(target, {0x49, 0xf7, 0xf8});  // idiv r8
  ASSERT_FALSE(i.operands.empty());
  EXPECT_EQ(i.operands.front().text, "r8");
  EXPECT_EQ(i.operands.front().value, 0U);
  ASSERT_NE(register_operand(i, "rax"), nullptr);
  EXPECT_EQ(register_operand(i, "rax")->value, 10U);
  EXPECT_EQ(register_operand(i, "rdx")->value, 0xFFFFFFFFFFFFFFFF);
}

TEST(Instruction, PartsOfRegisters) {
  FakeTarget target;
  target.reg(Registers::kRax) = 0x1122334455667788;
  const Instruction i = decode(target, {0x88, 0xe0});  // mov al, ah
  ASSERT_EQ(i.operands.size(), 2U);
  EXPECT_EQ(i.operands[0].value, 0x88U);
  EXPECT_EQ(i.operands[1].value, 0x77U);
}

TEST(Instruction, PushAndCallWriteBelowTheStackPointer) {
  FakeTarget target;
  target.reg(Registers::kRsp) = 0x7fffffffe000;
  EXPECT_EQ(memory_operand(decode(target, {0x55}))->address, 0x7fffffffdff8U);              // push rbp
  EXPECT_EQ(memory_operand(decode(target, {0xe8, 0, 1, 0, 0}))->address, 0x7fffffffdff8U);  // call
  EXPECT_EQ(memory_operand(decode(target, {0xc3}))->address, 0x7fffffffe000U);              // ret
  EXPECT_EQ(memory_operand(decode(target, {0x5b}))->address, 0x7fffffffe000U);              // pop rbx
}

TEST(Instruction, RelativeToTheProgramCounterAndTheThread) {
  FakeTarget target;
  target.thread().registers.fs_base = 0x7ffff7d00000;
  const Instruction global = decode(target, {0x48, 0x8b, 0x05, 0, 1, 0, 0});  // mov rax, [rip+0x100]
  EXPECT_EQ(memory_operand(global)->address, kCode + 7 + 0x100);
  EXPECT_TRUE(memory_operand(global)->registers.empty()) << "the instruction pointer explains nothing";
  const Instruction local = decode(target, {0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0});  // mov rax, fs:[0x28]
  EXPECT_EQ(memory_operand(local)->address, 0x7ffff7d00028U);
}

TEST(Instruction, AddressSizePrefixTruncates) {
  FakeTarget target;
  target.reg(Registers::kRdi) = 0x100000010;
  EXPECT_EQ(memory_operand(decode(target, {0x67, 0x8b, 0x07}))->address, 0x10U);  // mov eax, [edi]
}

TEST(Instruction, BitStringsReachFarFromTheirOperand) {
  FakeTarget target;
  target.reg(Registers::kRdi) = kHeap;
  target.reg(Registers::kRsi) = static_cast<std::uint64_t>(-65);
  EXPECT_EQ(memory_operand(decode(target, {0x48, 0x0f, 0xa3, 0x37}))->address, kHeap - 16);  // bt [rdi], rsi
}

TEST(Instruction, RepeatCountIsAnOperand) {
  FakeTarget target;
  target.reg(Registers::kRcx) = 4096;
  const Instruction i = decode(target, {0xf3, 0xa4});  // rep movsb
  ASSERT_NE(register_operand(i, "rcx"), nullptr);
  EXPECT_EQ(register_operand(i, "rcx")->value, 4096U);
  const auto memory =
      std::count_if(i.operands.begin(), i.operands.end(), [](const Operand& o) { return o.kind == "memory"; });
  EXPECT_EQ(memory, 2) << "both sides of the copy";
}

TEST(Instruction, LanesOfAGatherAreNotMadeUp) {
  FakeTarget target;
  target.reg(Registers::kRax) = kHeap;
  const Instruction i = decode(target, {0x62, 0xf2, 0x7d, 0x49, 0x92, 0x04, 0x88});
  const Operand* memory = memory_operand(i);
  EXPECT_EQ(memory->address, std::nullopt) << "the index vector is not captured";
  EXPECT_EQ(memory->registers.at("rax"), kHeap);
}

TEST(Instruction, GarbageAndUnreadableCode) {
  FakeTarget target;
  EXPECT_EQ(decode_instruction(target.snapshot, target.thread()), std::nullopt) << "nothing readable";
  target.code({0x06, 0x06});  // push es: no instruction in 64-bit mode
  EXPECT_EQ(decode_instruction(target.snapshot, target.thread()), std::nullopt);
  target.code({0x48, 0x8b});  // cut short by the end of readable memory
  EXPECT_EQ(decode_instruction(target.snapshot, target.thread()), std::nullopt);
  target.thread().registers_known = false;
  target.code({0xcc});
  EXPECT_EQ(decode_instruction(target.snapshot, target.thread()), std::nullopt);
}

// --- features ------------------------------------------------------------------------------------------------------

Cpu cpu_with(std::map<std::pair<std::uint32_t, std::uint32_t>, CpuidRegisters> leaves, std::uint64_t xcr0) {
  Cpu cpu;
  cpu.xcr0 = xcr0;
  cpu.cpuid = [leaves = std::move(leaves)](std::uint32_t leaf, std::uint32_t subleaf) {
    const auto it = leaves.find({leaf, subleaf});
    return it == leaves.end() ? CpuidRegisters{} : it->second;
  };
  return cpu;
}

TEST(CpuFeatures, EveryX86HasTheBaseline) {
  const Cpu bare = cpu_with({}, 0);
  for (const char* set : {"I86", "I386", "PPRO", "X87", "LONGMODE", "PAUSE"}) {
    EXPECT_EQ(check_feature(set, bare).supported, true) << set;
  }
}

TEST(CpuFeatures, MissingOnesAreNamed) {
  const Cpu bare = cpu_with({}, 0xFFFFFFFFFFFFFFFF);
  EXPECT_EQ(check_feature("FMA4", bare).supported, false);
  EXPECT_EQ(check_feature("FMA4", bare).missing, "FMA4");
  EXPECT_EQ(check_feature("AVX512F_512", bare).missing, "AVX-512F");
  EXPECT_EQ(check_feature("SSE42", bare).missing, "SSE4.2");
  EXPECT_EQ(check_feature("AVX_VNNI", bare).missing, "AVX-VNNI");
  EXPECT_EQ(check_feature("AMX_INT8", bare).missing, "AMX-INT8");
}

TEST(CpuFeatures, ShortVectorsNeedTheLengthExtension) {
  const auto leaf7 = [](std::uint32_t ebx) { return cpu_with({{{7, 0}, {0, ebx, 0, 0}}}, 0xE6); };
  const std::uint32_t f = 1U << 16U;
  const std::uint32_t vl = 1U << 31U;
  EXPECT_EQ(check_feature("AVX512F_512", leaf7(f)).supported, true);
  EXPECT_EQ(check_feature("AVX512F_256", leaf7(f)).missing, "AVX-512VL");
  EXPECT_EQ(check_feature("AVX512F_256", leaf7(f | vl)).supported, true);
  EXPECT_EQ(check_feature("AVX512F_SCALAR", leaf7(f)).supported, true);
  EXPECT_EQ(check_feature("AVX512BW_256", leaf7(f | vl)).missing, "AVX-512BW");
  EXPECT_EQ(check_feature("AVX512_VNNI_512", leaf7(f)).missing, "AVX-512 VNNI");
}

TEST(CpuFeatures, TheOperatingSystemMustSaveTheRegisters) {
  const Cpu no_state = cpu_with({{{1, 0}, {0, 0, 1U << 28U, 0}}}, 0);
  EXPECT_EQ(check_feature("AVX", no_state).supported, false);
  EXPECT_NE(check_feature("AVX", no_state).missing.find("not enabled"), std::string::npos);
}

TEST(CpuFeatures, CombinedSetsNeedBoth) {
  const Cpu avx_only = cpu_with({{{1, 0}, {0, 0, 1U << 28U, 0}}}, 0x6);
  EXPECT_EQ(check_feature("AVXAES", avx_only).missing, "AES");
  EXPECT_EQ(check_feature("AVX_GFNI", avx_only).missing, "GFNI");
}

TEST(CpuFeatures, UndecidableIsAbsent) {
  EXPECT_EQ(check_feature("VTX", cpu_with({}, 0)).supported, std::nullopt);
  EXPECT_EQ(check_feature("no such set", cpu_with({}, 0)).supported, std::nullopt);
}

TEST(CpuFeatures, ThisMachineRunsWhatThisTestIsBuiltFor) {
  const auto cpu = this_cpu();
  ASSERT_TRUE(cpu.has_value());
  EXPECT_EQ(check_feature("SSE2", *cpu).supported, true);
}

}  // namespace
}  // namespace segwhy
