// Memory faults: hits, and the near misses each rule must leave to another.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "diagnose/testing/case_builder.h"

namespace segwhy {
namespace {

using namespace testing_support;  // NOLINT(google-build-using-namespace): a test's vocabulary
using testing::HasSubstr;

constexpr int kKernel = 0x80;

CaseBuilder segv(Address address, const std::string& access, const Memory& memory, int code = 1) {
  CaseBuilder b;
  b.signal(SIGSEGV, code)
      .crashed({native("Kernel::Compute")})
      .fault(address, access)
      .instruction("mov", "move", memory);
  return b;
}

TEST(NullPointer, BaseZeroIsCertain) {
  auto b = segv(0x10, "read", {.base = "rbx", .base_value = 0, .displacement = 0x10});
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "null-pointer");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_THAT(v.summary, HasSubstr("rbx"));
  EXPECT_THAT(v.summary, HasSubstr("0x10"));
  EXPECT_THAT(v.summary, HasSubstr("Kernel::Compute"));
  EXPECT_EQ(v.where->line, 8);
}

TEST(NullPointer, NamesTheOpAndItsEmptyInput) {
  auto b = segv(0, "read", {.base = "rax"});
  b.op("SparseFillEmptyRows", {tensor("input 1", "int64", {0, 3})});
  const Verdict v = b.verdict();
  EXPECT_THAT(v.summary, HasSubstr("Op SparseFillEmptyRows"));
  EXPECT_THAT(v.advice.front(), HasSubstr("input 1 is empty (shape [0, 3])"));
}

TEST(NullPointer, SmallBaseIsLikelyOnly) {
  const Verdict v = segv(0x48, "read", {.base = "rdi", .base_value = 0x40, .displacement = 8}).verdict();
  EXPECT_EQ(v.verdict_class, "null-pointer");
  EXPECT_EQ(v.confidence, Confidence::kLikely);
  EXPECT_TRUE(has_alternative(v, "wild-pointer"));
}

TEST(NullPointer, NullArrayWithAHugeIndex) {
  const Memory memory{.base = "rcx", .base_value = 0, .index = "rsi", .index_value = 100000000, .scale = 8};
  const Verdict v = segv(800000000, "write", memory).verdict();
  EXPECT_EQ(v.verdict_class, "null-pointer");
  EXPECT_EQ(v.confidence, Confidence::kLikely);
  EXPECT_TRUE(has_alternative(v, "wild-pointer"));
}

TEST(NullPointer, SmallAddressFromALargeBaseIsWild) {
  const Memory memory{
      .base = "rcx", .base_value = 0x7f0000000000, .index = "rsi", .index_value = 0xffff810000000010, .scale = 1};
  EXPECT_EQ(segv(0x10, "read", memory).verdict().verdict_class, "wild-pointer");
}

TEST(NullPointer, NoAddressFromTheKernelIsNotNull) {
  CaseBuilder b;
  b.signal(SIGSEGV, kKernel).crashed({native("f")});
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "wild-pointer");
  EXPECT_EQ(v.confidence, Confidence::kPossible);
}

TEST(NullPointer, ABaseOfOneWithAPointerAsIndexIsNotNull) {
  const Memory memory{.base = "rax", .base_value = 1, .index = "rdx", .index_value = 0x7f1234567000, .scale = 1};
  EXPECT_EQ(segv(0x7f1234567001, "read", memory).verdict().verdict_class, "wild-pointer");
}

TEST(WildPointer, GoodBaseAndHugeIndexNamesOutOfBoundsFirst) {
  const Memory memory{
      .base = "rcx", .base_value = 0x555555600000, .index = "rsi", .index_value = 1000000000, .scale = 8};
  auto b = segv(0x555555600000 + 8000000000, "write", memory);
  b.below(mapping(0x555555500000, 0x555555700000, "rw-p", "[heap]"));
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "wild-pointer");
  EXPECT_EQ(v.confidence, Confidence::kLikely);
  ASSERT_FALSE(v.alternatives.empty());
  EXPECT_EQ(v.alternatives.front().verdict_class, "out-of-bounds-write");
  EXPECT_TRUE(has_alternative(v, "out-of-bounds-read"));
  EXPECT_THAT(all_text(v), HasSubstr("rsi = 1000000000"));
  EXPECT_THAT(all_text(v), HasSubstr("[heap]"));
}

TEST(WildPointer, ReadOverrunAtAMappingsEnd) {
  auto b = segv(0x7f0000200000, "read", {.base = "rsi", .base_value = 0x7f0000200000});
  b.below(mapping(0x7f0000100000, 0x7f0000200000, "rw-p"));
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "wild-pointer");
  EXPECT_EQ(v.alternatives.front().verdict_class, "out-of-bounds-read");
}

TEST(WildPointer, NonCanonicalOperandOnEitherSignal) {
  for (const int signal : {SIGSEGV, SIGBUS}) {
    CaseBuilder b;
    const std::uint64_t wild = 0x0a2cbd2d2cb1e5f0;
    b.signal(signal, kKernel).crashed({native("embedding")}).fault(wild, "write");
    b.instruction("mov qword ptr [rcx+rsi*8], 0", "move",
                  {.base = "rcx",
                   .base_value = 0x7f0000000000,
                   .index = "rsi",
                   .index_value = (wild - 0x7f0000000000) / 8,
                   .scale = 8});
    b.raw().fault->non_canonical = true;
    b.raw().fault->address_source = "operand";
    const Verdict v = b.verdict();
    EXPECT_EQ(v.verdict_class, "wild-pointer") << signal;
    EXPECT_TRUE(has_alternative(v, "out-of-bounds-write"));
  }
}

TEST(WildPointer, ThreadThatMovedTheMemoryIsEvidence) {
  auto b = segv(0x7fffe637c108, "read", {.base = "rax", .base_value = 0x7fffe637c108});
  b.other_thread({libc("mremap"), native("resize")}, {python("main.py", 11, "<module>")});
  const Verdict v = b.verdict();
  EXPECT_TRUE(has_alternative(v, "use-after-free"));
  EXPECT_TRUE(has_alternative(v, "data-race"));
  EXPECT_THAT(all_text(v), HasSubstr("main.py:11"));
}

TEST(WildPointer, InaccessibleReservationIsNotReadOnlyMemory) {
  auto b = segv(0x7fffb0021000, "write", {.base = "rdi", .base_value = 0x7fffb0021000}, 2);
  b.inside(mapping(0x7fffb0021000, 0x7fffb4000000, "---p"));
  EXPECT_EQ(b.verdict().verdict_class, "wild-pointer");
}

TEST(WildPointer, MisalignedVectorAccessIsOnlyPossible) {
  auto b = segv(0x7f0000001008, "read", {.base = "rax", .base_value = 0x7f0000001008, .width = 32}, kKernel);
  b.inside(mapping(0x7f0000000000, 0x7f0000002000, "rw-p"));
  b.raw().fault->misaligned = true;
  const Verdict v = b.verdict();
  EXPECT_EQ(v.confidence, Confidence::kPossible);
  EXPECT_THAT(v.summary, HasSubstr("alignment"));
  EXPECT_TRUE(has_alternative(v, "abi-mismatch"));
}

// What glibc 2.32 stores at `place` for a link to `target`.
constexpr std::uint64_t stored_link(std::uint64_t target, std::uint64_t place) {
  return target ^ (place >> 12U);
}

CaseBuilder through_link(std::uint64_t link) {
  auto b = segv(link + 8, "read", {.base = "rax", .base_value = link, .displacement = 8});
  b.module("/usr/bin/python3.11", {});
  b.raw().program.modules.back().start = 0x555555554000;
  b.raw().program.modules.back().end = 0x555555560000;
  return b;
}

TEST(StaleMemory, FreeListLinkInTheVtableRegister) {
  const Verdict v = through_link(stored_link(0x555556000a10, 0x555556000d30)).verdict();
  EXPECT_EQ(v.verdict_class, "use-after-free");
  EXPECT_EQ(v.confidence, Confidence::kLikely);
  EXPECT_TRUE(has_alternative(v, "double-free"));
  EXPECT_TRUE(has_alternative(v, "wild-pointer"));
}

TEST(StaleMemory, LinkBetweenPagesIsALead) {
  const Verdict v = through_link(stored_link(0x555556000a10, 0x555556001230)).verdict();
  EXPECT_EQ(v.verdict_class, "wild-pointer");
  ASSERT_FALSE(v.alternatives.empty());
  EXPECT_EQ(v.alternatives.front().verdict_class, "use-after-free");
}

TEST(StaleMemory, AnIndexIsNoPointer) {
  const std::uint64_t link = stored_link(0x555556000a10, 0x555556000d30);
  auto b = segv(0x7f0000000000 + link * 8, "write",
                {.base = "rcx", .base_value = 0x7f0000000000, .index = "rsi", .index_value = link, .scale = 8});
  b.module("/usr/bin/python3.11", {});
  b.raw().program.modules.back().start = 0x555555554000;
  b.raw().program.modules.back().end = 0x555555560000;
  EXPECT_EQ(b.verdict().verdict_class, "wild-pointer");
}

TEST(StaleMemory, AHeapPointerWithALargeIndexIsNoFreeListLink) {
  // Decodes into the heap's reach, but not to an address that free() could have stored.
  auto b = segv(0x5579e091a0e0, "read", {.base = "rdx", .base_value = 0x5579e091a0e0});
  b.module("/usr/bin/python3.11", {});
  b.raw().program.modules.back().start = 0x5579c8000000;
  b.raw().program.modules.back().end = 0x5579c8800000;
  b.raw().machine.peak_rss = std::uint64_t{200} << 20;
  EXPECT_EQ(b.verdict().verdict_class, "wild-pointer");
}

TEST(StaleMemory, FillPatternsOfAllocators) {
  auto freed = segv(0xdddddddddddddde5, "read", {.base = "rax", .base_value = 0xdddddddddddddddd, .displacement = 8});
  EXPECT_EQ(freed.verdict().verdict_class, "use-after-free");
  auto fresh = segv(0x5a5a5a5a5a5a5a5a, "read", {.base = "rax", .base_value = 0x5a5a5a5a5a5a5a5a});
  fresh.raw().program.environment["MALLOC_PERTURB_"] = "165";
  EXPECT_EQ(fresh.verdict().verdict_class, "uninitialised-read") << "165 ^ 255 is what glibc writes into new blocks";
}

TEST(StaleMemory, FillsOfTheSmallTierCountOnlyWhereItIsInForce) {
  for (const auto& [value, slug] :
       {std::pair{0xbebebebebebebebe, "uninitialised-read"}, {0xdfdfdfdfdfdfdfdf, "use-after-free"}}) {
    auto b = segv(value, "read", {.base = "rax", .base_value = value});
    EXPECT_EQ(b.verdict().verdict_class, "wild-pointer");
    b.raw().protection.emplace().mode = "all";
    EXPECT_EQ(b.verdict().verdict_class, slug);
  }
}

TEST(StaleMemory, TextInAPointerIsWildWithItsText) {
  auto b = segv(0x4141414141414141, "read", {.base = "rax", .base_value = 0x4141414141414141});
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "wild-pointer");
  EXPECT_THAT(all_text(v), HasSubstr("AAAAAAAA"));
}

TEST(WriteToReadOnly, MappedFileIsCertainAndNamed) {
  auto b = segv(0x7ffff1ab0374, "write",
                {.base = "r11", .base_value = 0x7ffff1ab0000, .index = "r14", .index_value = 0x374, .width = 1}, 2);
  b.inside(mapping(0x7ffff1a90000, 0x7ffff1ae0000, "r--s", "/home/u/frame.raw"));
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "write-to-read-only");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_THAT(v.summary, HasSubstr("frame.raw"));
  EXPECT_THAT(v.advice.front(), HasSubstr("mode="));
}

TEST(WriteToReadOnly, FirstPageBehindAnotherMappingMayBeAnOverrun) {
  auto b = segv(0x7ffff1a90000, "write", {.base = "rdi", .base_value = 0x7ffff1a90000}, 2);
  b.inside(mapping(0x7ffff1a90000, 0x7ffff1ae0000, "r--p", "/lib/libx.so"));
  const Verdict v = b.verdict();
  EXPECT_EQ(v.confidence, Confidence::kLikely);
  EXPECT_TRUE(has_alternative(v, "out-of-bounds-write"));
}

TEST(BadJump, NullFunctionPointer) {
  CaseBuilder b;
  b.signal(SIGSEGV).crashed({native("", "", 0), libc("msort_with_tmp")}).fault(0, "execute");
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "bad-jump");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_TRUE(v.alternatives.empty()) << "nothing contradicts a pc of 0";
  EXPECT_THAT(v.summary, HasSubstr("msort_with_tmp"));
  EXPECT_THAT(v.summary, HasSubstr("null function pointer"));
}

TEST(BadJump, ReturnToANonCanonicalAddress) {
  CaseBuilder b;
  b.signal(SIGSEGV, kKernel).crashed({native("parse")}).fault(0x4242424242424242, "execute");
  b.raw().fault->non_canonical = true;
  b.instruction_on_register("ret", "ret", "rip", 0x4242424242424242);
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "bad-jump");
  EXPECT_EQ(v.confidence, Confidence::kLikely);
  EXPECT_THAT(v.summary, HasSubstr("parse returned to"));
  EXPECT_THAT(all_text(v), Not(HasSubstr("alled from")));
  EXPECT_TRUE(has_alternative(v, "out-of-bounds-write"));
  EXPECT_THAT(all_text(v), HasSubstr("BBBBBBBB"));
}

TEST(BadJump, WhatStandsWhereThePcIsWasNeverExecuted) {
  CaseBuilder b;
  b.signal(SIGSEGV, 2).crashed({native("", "", 0x7000), native("caller")}).fault(0x7000, "execute");
  b.instruction_on_register("ret", "ret", "rip", 0);
  EXPECT_THAT(all_text(b.verdict()), Not(HasSubstr("`ret`")));
  EXPECT_THAT(b.verdict().summary, HasSubstr("caller called"));
}

TEST(BadJump, FrameThatWasNotOnTopOfTheStackIsNobodyWhoCalled) {
  CaseBuilder b;
  b.signal(SIGSEGV, 1).crashed({native("", "", 0x4300000043), native("main")}).fault(0x4300000043, "execute");
  b.raw().threads.front().native.back().trust = kTrustFp;
  EXPECT_THAT(b.verdict().summary, Not(HasSubstr("main called")));
  EXPECT_THAT(b.verdict().summary, HasSubstr("from main or something it called"));
}

TEST(BadJump, CallThroughABadTableIsARead) {
  auto b = segv(0x8, "read", {.base = "rax", .base_value = 0, .displacement = 8});
  b.raw().fault->instruction->category = "call";
  EXPECT_EQ(b.verdict().verdict_class, "null-pointer");
}

CaseBuilder deep(std::vector<NativeFrame> stack, std::uint64_t used = kStackLimit - 8192) {
  CaseBuilder b;
  const Address sp = kStackTop - used;
  b.signal(SIGSEGV).crashed(std::move(stack)).fault(sp - 8, "write");
  Thread& thread = b.raw().threads.front();
  thread.stack_start = sp & ~Address{4095};
  thread.native_depth = 87000;
  Fault& fault = *b.raw().fault;
  fault.stack_of_tid = kPid;
  fault.below_sp = 8;
  fault.stack_size = kStackTop - *thread.stack_start;
  fault.stack_used = used;
  b.instruction("push rbx", "stack", {.base = "rsp", .base_value = sp, .displacement = -8});
  return b;
}

std::vector<NativeFrame> recursion(int rounds) {
  std::vector<NativeFrame> stack = {native("IsMappingHelper")};
  for (int i = 0; i < rounds; ++i) {
    stack.push_back(native("FlattenHelper"));
    stack.back().sp = kStackTop - kStackLimit + static_cast<Address>(i) * 192;
    stack.push_back(native("Dispatch"));
    stack.back().sp = kStackTop - kStackLimit + static_cast<Address>(i) * 192 + 96;
  }
  return stack;
}

TEST(StackOverflow, MainThreadRecursionIsCertainWithItsCycle) {
  const Verdict v = deep(recursion(100)).verdict();
  EXPECT_EQ(v.verdict_class, "stack-overflow");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_THAT(v.summary, HasSubstr("87000 frames"));
  EXPECT_THAT(all_text(v), HasSubstr("FlattenHelper < Dispatch"));
  EXPECT_THAT(all_text(v), HasSubstr("192 bytes a round"));
  EXPECT_THAT(all_text(v), HasSubstr("ulimit -s"));
}

TEST(StackOverflow, RecursionThatPythonCountsIsNotSaidToHaveNoLimit) {
  const auto deep_in = [](const char* module) {
    std::vector<NativeFrame> stack;
    for (int i = 0; i < 100; ++i)
      for (const char* function : {"save_list", "save"}) stack.push_back(native(function, module));
    return all_text(deep(std::move(stack)).verdict());
  };
  const std::string pickle = deep_in("/usr/lib/python3.11/lib-dynload/_pickle.cpython-311-x86_64-linux-gnu.so");
  EXPECT_THAT(pickle, Not(HasSubstr("no recursion limit")));
  EXPECT_THAT(pickle, HasSubstr("sys.setrecursionlimit()"));
  const std::string other = deep_in("/env/lib/libkernel.so");
  EXPECT_THAT(other, HasSubstr("no recursion limit"));
  EXPECT_THAT(other, Not(HasSubstr("sys.setrecursionlimit()")));
}

CaseBuilder below_the_stack(Address sp, Address nearest) {
  CaseBuilder b;
  b.signal(SIGSEGV).crashed({native("uses_alloca")}).fault(sp, "write");
  Thread& thread = b.raw().threads.front();
  thread.stack_start = kStackTop - kStackLimit;
  thread.native.front().sp = sp;
  Fault& fault = *b.raw().fault;
  fault.below_sp = 0;
  fault.stack_size = kStackLimit;
  static_cast<MappingInfo&>(fault.above.emplace()) = mapping(nearest, nearest + (132U << 10U), "rw-p", "[stack]");
  b.instruction("mov byte ptr [rax], 1", "move", {.base = "rax", .base_value = sp, .width = 1});
  return b;
}

TEST(StackOverflow, OneFrameThatIsLargerThanTheStack) {
  const Verdict v = below_the_stack(kStackTop - 2 * kStackLimit, kStackTop - (132U << 10U)).verdict();
  EXPECT_EQ(v.verdict_class, "stack-overflow");
  EXPECT_EQ(v.confidence, Confidence::kLikely);
  EXPECT_THAT(all_text(v), HasSubstr("The stack pointer is 16.0 MiB below the top of the stack"));
  EXPECT_TRUE(has_alternative(v, "wild-pointer"));
}

TEST(StackOverflow, StackPointerThatLeadsElsewhereIsAnotherStack) {
  EXPECT_NE(below_the_stack(0x7f0000000000, 0x7f0000100000).verdict().verdict_class, "stack-overflow");
}

TEST(StackOverflow, SmallThreadStackWithoutRecursion) {
  auto b = deep({native("big_locals")}, 60000);
  Thread& thread = b.raw().threads.front();
  thread.is_main = false;
  thread.native_depth.reset();
  b.raw().fault->stack_size = 65536;
  b.inside(mapping(*b.raw().fault->address & ~Address{4095}, *thread.stack_start, "---p"));
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "stack-overflow");
  EXPECT_THAT(all_text(v), HasSubstr("threading.stack_size"));
}

TEST(StackOverflow, WildPointerBelowAStackWithRoomIsNot) {
  auto b = deep({native("f")}, 40000);
  Fault& fault = *b.raw().fault;
  fault.address = kStackTop - (600U << 10U);
  fault.below_sp = (600 << 10) - 40000;
  fault.instruction->category = "move";
  fault.instruction->operands.front().base = "rax";
  fault.instruction->operands.front().registers = {{"rax", *fault.address}};
  fault.instruction->operands.front().address = fault.address;
  EXPECT_EQ(b.verdict().verdict_class, "wild-pointer");
}

TEST(StackOverflow, DeepRecursionThatDiedOfSomethingElse) {
  auto b = segv(0, "read", {.base = "rax"});
  b.raw().threads.front().native = recursion(100);
  b.raw().threads.front().native_depth = 5000;
  EXPECT_EQ(b.verdict().verdict_class, "null-pointer");
}

TEST(Heap, CertainOnlyWhereTheListProvesIt) {
  CaseBuilder b;
  b.abort().abort_text("free(): double free detected in tcache 2\n").crashed({libc("abort"), native("Destroy")});
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "double-free");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_THAT(v.advice.front(), HasSubstr("Destroy"));
}

TEST(Heap, BrokenBookkeepingNamesNoCulprit) {
  for (const char* words : {"corrupted size vs. prev_size\n", "double free or corruption (!prev)\n",
                            "malloc(): invalid size (unsorted)\n"}) {
    CaseBuilder b;
    b.abort().abort_text(words).crashed({libc("abort"), native("Compute")});
    const Verdict v = b.verdict();
    EXPECT_EQ(v.verdict_class, "heap-corruption") << words;
    EXPECT_EQ(v.confidence, Confidence::kLikely);
    EXPECT_TRUE(has_alternative(v, "out-of-bounds-write"));
    EXPECT_THAT(all_text(v), HasSubstr("MALLOC_CHECK_=3"));
  }
}

TEST(Heap, InvalidPointerIsLikelyAnInvalidFree) {
  CaseBuilder b;
  b.abort().said("free(): invalid pointer\n").crashed({libc("abort"), libc("free"), native("release")});
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "invalid-free");
  EXPECT_EQ(v.confidence, Confidence::kLikely);
  EXPECT_TRUE(has_alternative(v, "heap-corruption"));
}

TEST(Heap, CrashInsideMallocOnAWildPointer) {
  CaseBuilder b;
  b.signal(SIGSEGV, 1)
      .crashed({libc("_int_malloc"), libc("malloc"), native("Compute")})
      .fault(0x4141414141414149, "read");
  b.instruction("mov rax, [rdx+8]", "move", {.base = "rdx", .base_value = 0x4141414141414141, .displacement = 8});
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "heap-corruption");
  EXPECT_EQ(v.confidence, Confidence::kLikely);
}

TEST(Heap, NullLinkInsideMallocIsCorruption) {
  CaseBuilder b;
  b.signal(SIGSEGV).crashed({libc("unlink_chunk"), libc("malloc"), native("f")}).fault(0x18, "read");
  b.instruction("mov rax, [rdi+0x18]", "move", {.base = "rdi", .base_value = 0, .displacement = 0x18});
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "heap-corruption");
  EXPECT_EQ(v.confidence, Confidence::kLikely);
}

TEST(Heap, FreeOfAnOverwrittenPointerIsTheCallersFault) {
  CaseBuilder b;
  const std::uint64_t pointer = 0x400a4ee291b38518;  // a double
  b.signal(SIGSEGV, kKernel).crashed({libc("free"), native("Pool::Compute")}).fault(pointer - 8, "read");
  b.instruction("mov rax, [rdi-8]", "move", {.base = "rdi", .base_value = pointer, .displacement = -8});
  b.raw().fault->non_canonical = true;
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "wild-pointer");
  EXPECT_EQ(v.alternatives.front().verdict_class, "out-of-bounds-write");
  EXPECT_THAT(v.summary, HasSubstr("Pool::Compute"));
  EXPECT_THAT(all_text(v), HasSubstr("floating-point number 3.28"));
}

TEST(Heap, TheProgramsOwnWordsAreNotGlibcs) {
  CaseBuilder b;
  b.abort().said("free(): invalid pointer\n").crashed({libc("abort"), interpreter("os_abort")});
  EXPECT_EQ(b.verdict().verdict_class, "abort");
}

TEST(Heap, OldComplaintInTheLogOfAnotherDeath) {
  auto b = segv(0, "read", {.base = "rax"});
  b.said("corrupted size vs. prev_size\n");
  EXPECT_EQ(b.verdict().verdict_class, "null-pointer");
}

TEST(Heap, PythonsOwnAllocatorIsNotCheckedByTheCLibrary) {
  CaseBuilder b;
  b.signal(SIGSEGV, 128)
      .crashed({interpreter("pymalloc_alloc"), interpreter("_PyObject_Malloc")})
      .fault(0x4141414141414141, "read")
      .instruction("mov rcx, [rax]", "move", {.base = "rax", .base_value = 0x4141414141414141});
  b.raw().fault->non_canonical = true;
  const Verdict v = b.verdict();
  ASSERT_EQ(v.verdict_class, "heap-corruption");
  EXPECT_THAT(v.experiments.front(), HasSubstr("--protect all"));
  EXPECT_THAT(all_text(v), Not(HasSubstr("MALLOC_CHECK_")));
  EXPECT_THAT(all_text(v), HasSubstr("PYTHONMALLOC=debug"));
}

TEST(BadJump, CertainOneSaysWhatMayHaveLedThere) {
  CaseBuilder b;
  b.signal(SIGSEGV, 1).crashed({native("", "", 0x7f1234), native("Event::fire")}).fault(0x7f1234, "execute");
  const Verdict v = b.verdict();
  ASSERT_EQ(v.verdict_class, "bad-jump");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_TRUE(v.alternatives.empty());
  EXPECT_THAT(all_text(v), HasSubstr("What led there may be"));
  EXPECT_FALSE(v.experiments.empty());
}

}  // namespace
}  // namespace segwhy
