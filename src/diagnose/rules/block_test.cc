// The heap's history as evidence: hits, and the near misses each rule must leave to another.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "diagnose/testing/case_builder.h"
#include "evidence/model/heap.h"

namespace segwhy {
namespace {

using namespace testing_support;  // NOLINT(google-build-using-namespace): a test's vocabulary
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr Address kBlock = 0x7f5000001fc0;

BlockEvent event(const std::string& file, int line) {
  BlockEvent e;
  e.python = {python(file, line, "load")};
  e.thread = kPid;
  e.age_s = 2.0;
  return e;
}

Block block(std::uint64_t size, std::int64_t offset, const char* state, const char* place) {
  Block b;
  b.address = kBlock;
  b.size = size;
  b.offset = offset;
  b.kind = "tensor";
  b.state = state;
  b.place = place;
  b.sole_owner = true;
  b.allocated = event("/home/u/train.py", 12);
  if (b.state == "freed") b.freed = event("/home/u/train.py", 20);
  return b;
}

CaseBuilder touched(const Block& b, const std::string& access) {
  CaseBuilder builder;
  const Address address = kBlock + static_cast<Address>(b.offset);
  builder.signal(SIGSEGV, 1)
      .crashed({native("Kernel::Compute")})
      .fault(address, access)
      .instruction("mov", "move", {.base = "rbx", .base_value = address});
  builder.raw().block = b;
  return builder;
}

MemoryFinding finding(const char* kind, const Block& b, std::int64_t offset) {
  MemoryFinding f;
  f.kind = kind;
  f.block = b;
  f.offset = offset;
  f.address = kBlock + static_cast<Address>(offset);
  f.found = event("/home/u/train.py", 30);
  f.found_age_s = 1.0;
  return f;
}

MemoryFinding late(const char* kind, const Block& b, std::int64_t offset) {
  MemoryFinding f = finding(kind, b, offset);
  f.late = true;
  f.access = "write";
  f.last_good_age_s = 4.5;
  f.wrong_bytes = 2;
  f.expected = "a5a5";
  f.seen = "0100";
  return f;
}

// --- faults --------------------------------------------------------------------------------------------------------

TEST(OutOfBounds, PastTheEndOfALiveBlockIsCertain) {
  const Verdict v = touched(block(24, 28, "live", kPlaceGuard), "read").verdict();
  EXPECT_EQ(v.verdict_class, "out-of-bounds-read");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_THAT(v.summary, HasSubstr("4 bytes past the end of the 24-byte tensor allocated at train.py:12 (load)"));
  EXPECT_THAT(v.advice.front(), HasSubstr("it has 24 bytes"));
}

TEST(OutOfBounds, BeforeTheStart) {
  const Verdict v = touched(block(4096, -8, "live", kPlaceGuard), "write").verdict();
  EXPECT_EQ(v.verdict_class, "out-of-bounds-write");
  EXPECT_THAT(v.summary, HasSubstr("8 bytes before the start of the 4096-byte tensor"));
}

TEST(OutOfBounds, BetweenTwoBlocksItIsOnlyLikely) {
  Block b = block(4096, 6000, "live", kPlaceGuard);
  b.sole_owner = false;
  const Verdict v = touched(b, "read").verdict();
  EXPECT_EQ(v.verdict_class, "out-of-bounds-read");
  EXPECT_EQ(v.confidence, Confidence::kLikely);
  EXPECT_TRUE(has_alternative(v, "use-after-free"));
}

TEST(OutOfBounds, WithoutADirectionItIsOnlyLikely) {
  EXPECT_EQ(touched(block(24, 24, "live", kPlaceGuard), "").verdict().confidence, Confidence::kLikely);
}

TEST(OutOfBounds, InsideALiveBlockIsNot) {
  const Verdict v = touched(block(24, 8, "live", kPlaceInside), "read").verdict();
  EXPECT_EQ(v.verdict_class, "wild-pointer");
}

TEST(OutOfBounds, ABlockElsewhereSaysNothingOfTheFault) {
  auto b = touched(block(24, 28, "live", kPlaceGuard), "read");
  b.raw().fault->address = 0x7f6000000000;
  EXPECT_EQ(b.verdict().verdict_class, "wild-pointer");
}

TEST(OutOfBounds, AJumpIsLeftToItsRule) {
  auto b = touched(block(24, 28, "live", kPlaceGuard), "execute");
  EXPECT_THAT(b.verdict().verdict_class, Not(HasSubstr("out-of-bounds")));
}

TEST(UseAfterFree, InsideAFreedBlockIsCertainWithBothPlaces) {
  const Verdict v = touched(block(24, 8, "freed", kPlaceInside), "read").verdict();
  EXPECT_EQ(v.verdict_class, "use-after-free");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_THAT(v.summary, HasSubstr("at byte 8 of the 24-byte tensor allocated at train.py:12 (load)"));
  EXPECT_THAT(v.summary, HasSubstr("freed at train.py:20"));
  EXPECT_THAT(v.evidence, Contains(HasSubstr("It was freed at train.py:20")));
}

TEST(UseAfterFree, BesideAFreedBlockIsOnlyLikely) {
  const Verdict v = touched(block(24, 64, "freed", kPlaceGuard), "write").verdict();
  EXPECT_EQ(v.verdict_class, "use-after-free");
  EXPECT_EQ(v.confidence, Confidence::kLikely);
  EXPECT_TRUE(has_alternative(v, "out-of-bounds-write"));
}

// --- findings of a program that ended ------------------------------------------------------------------------------

CaseBuilder ended(const MemoryFinding& f, int status = 0) {
  CaseBuilder b;
  b.exit(status);
  b.raw().findings = {f};
  b.raw().block = f.block;
  return b;
}

TEST(LateWrite, OfAProgramThatEndedWellIsCertainAndBounded) {
  const Verdict v = ended(late(kFindingWriteBehind, block(60, 60, "live", kPlaceSlack), 60)).verdict();
  EXPECT_EQ(v.verdict_class, "out-of-bounds-write");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_THAT(v.summary, HasSubstr("right past the end of the 60-byte tensor allocated at train.py:12"));
  EXPECT_THAT(v.summary, HasSubstr("noticed late"));
  EXPECT_THAT(v.evidence, Contains(HasSubstr("in the 3.5 s before it was noticed at train.py:30")));
  EXPECT_THAT(v.evidence, Contains(HasSubstr("2 bytes there are changed: a5a5 became 0100")));
  EXPECT_THAT(v.advice, Contains(HasSubstr("segwhy run --protect exact -- python main.py")));
  ASSERT_TRUE(v.where);
  EXPECT_EQ(v.where->line, 30);
}

TEST(LateWrite, NamesTheCulpritOfABrokenHeap) {
  CaseBuilder b;
  b.abort()
      .crashed({libc("__libc_message"), libc("malloc_printerr"), libc("free")})
      .abort_text("corrupted size vs. prev_size");
  EXPECT_EQ(b.verdict().verdict_class, "heap-corruption");
  b.raw().findings = {late(kFindingWriteBehind, block(60, 60, "live", kPlaceSlack), 60)};
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "out-of-bounds-write");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_THAT(v.factors, Contains("heap-corruption"));
}

TEST(LateWrite, BesideANullPointerItIsNotTheCause) {
  CaseBuilder b;
  b.signal(SIGSEGV, 1)
      .crashed({native("f")})
      .fault(0x10, "read")
      .instruction("mov", "move", {.base = "rbx", .displacement = 0x10});
  b.raw().findings = {late(kFindingWriteBehind, block(60, 60, "live", kPlaceSlack), 60)};
  EXPECT_EQ(b.verdict().verdict_class, "null-pointer");
}

TEST(LateWrite, BeforeAWildFaultItIsLikely) {
  CaseBuilder b;
  b.signal(SIGSEGV, 1)
      .crashed({native("f")})
      .fault(0x7f6000000000, "read")
      .instruction("mov", "move", {.base = "rbx", .base_value = 0x7f6000000000});
  b.raw().findings = {late(kFindingWriteBehind, block(60, 60, "live", kPlaceSlack), 60)};
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "out-of-bounds-write");
  EXPECT_EQ(v.confidence, Confidence::kLikely);
}

TEST(LateWrite, ToAFreedBlockIsUseAfterFree) {
  const Verdict v = ended(late(kFindingWriteAfterFree, block(60, 4, "freed", kPlaceInside), 4)).verdict();
  EXPECT_EQ(v.verdict_class, "use-after-free");
  EXPECT_THAT(v.summary, HasSubstr("freed at train.py:20"));
}

TEST(CheckedAccess, IsCertainAtTheInstruction) {
  MemoryFinding f = finding(kFindingOutOfBounds, block(12, 12, "live", kPlaceSlack), 12);
  f.access = "read";
  f.wrong_bytes = 4;
  const Verdict v = ended(f).verdict();
  EXPECT_EQ(v.verdict_class, "out-of-bounds-read");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_THAT(v.summary, HasSubstr("read 4 bytes right past the end of the 12-byte tensor"));
  EXPECT_THAT(v.summary, HasSubstr("at train.py:30"));
}

TEST(CheckedAccess, AWriteAfterTheFree) {
  MemoryFinding f = finding(kFindingAfterFree, block(12, 0, "freed", kPlaceInside), 0);
  f.access = "write";
  f.wrong_bytes = 4;
  EXPECT_EQ(ended(f).verdict().verdict_class, "use-after-free");
}

// --- frees ---------------------------------------------------------------------------------------------------------

TEST(WrongFree, ASecondFreeNamesBoth) {
  CaseBuilder b;
  b.abort().crashed({libc("abort"), libc("free")}).abort_text("free(): double free detected");
  b.raw().findings = {finding(kFindingDoubleFree, block(64, 0, "freed", kPlaceInside), 0)};
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "double-free");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_THAT(v.advice.front(), HasSubstr("train.py:20"));
  EXPECT_THAT(v.advice.front(), HasSubstr("train.py:30"));
}

TEST(WrongFree, OfAPointerInsideABlock) {
  CaseBuilder b;
  b.abort().crashed({libc("abort"), libc("free")}).abort_text("free(): invalid pointer");
  b.raw().findings = {finding(kFindingInvalidFree, block(64, 16, "live", kPlaceInside), 16)};
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "invalid-free");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_THAT(v.summary, HasSubstr("at byte 16 of the 64-byte tensor"));
}

TEST(WrongFree, OfAnotherKind) {
  const Verdict v = ended(finding(kFindingMismatchedFree, block(64, 0, "live", kPlaceInside), 0)).verdict();
  EXPECT_EQ(v.verdict_class, "allocator-mismatch");
}

TEST(WrongFree, WithoutAFindingNothingIsSaid) {
  CaseBuilder b;
  b.exit(0);
  EXPECT_EQ(b.verdict().verdict_class, "ok");
}

TEST(Protection, EndedTheProgramOnlyWhereItMadeThePlaceInaccessible) {
  const std::string said = "Segwhy's protection ended the program at this access";
  EXPECT_THAT(all_text(touched(block(24, 28, "live", kPlaceGuard), "read").verdict()), HasSubstr(said));
  EXPECT_THAT(all_text(touched(block(24, 8, "freed", kPlaceInside), "read").verdict()), HasSubstr(said));
  EXPECT_THAT(all_text(touched(block(24, 28, "live", kPlaceSlack), "read").verdict()), Not(HasSubstr(said)));
}

// --- system calls --------------------------------------------------------------------------------------------------

MemoryFinding by_call(const char* kind, const char* call, const Block& b, std::int64_t offset) {
  MemoryFinding f = finding(kind, b, offset);
  f.access = "read";
  f.wrong_bytes = 8;
  f.found->native = {libc(call), native("send_all")};
  return f;
}

Verdict of(const MemoryFinding& f) {
  CaseBuilder builder;
  builder.exit(0);
  builder.raw().findings = {f};
  return builder.verdict();
}

TEST(Call, PastTheEndOfABlockIsNamedWithTheCall) {
  MemoryFinding f = by_call(kFindingOutOfBounds, "__write", block(24, 24, "live", kPlaceGuard), 24);
  f.repeats = 3;
  const Verdict v = of(f);
  EXPECT_EQ(v.verdict_class, "out-of-bounds-read");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_THAT(v.summary, HasSubstr("let the kernel read 8 bytes right past the end of the 24-byte tensor"));
  EXPECT_THAT(v.summary, HasSubstr("in a call of write()"));
  EXPECT_THAT(v.evidence, Contains(HasSubstr("3 more times")));
}

TEST(Call, OnAFreedBlockIsUseAfterFree) {
  const Verdict v = of(by_call(kFindingAfterFree, "read", block(24, 8, "freed", kPlaceInside), 8));
  EXPECT_EQ(v.verdict_class, "use-after-free");
  EXPECT_THAT(v.summary, HasSubstr("let the kernel read 8 bytes at byte 8 of the 24-byte tensor"));
  EXPECT_THAT(v.summary, HasSubstr("in a call of read()"));
}

TEST(Call, BetweenTwoBlocksIsOnlyLikelyThisOnes) {
  Block b = block(24, 3000, "live", kPlaceGuard);
  b.sole_owner = false;
  EXPECT_EQ(of(by_call(kFindingOutOfBounds, "write", b, 3000)).confidence, Confidence::kLikely);
}

TEST(Call, AFunctionOfTheProgramsOwnOfThatNameIsAnInstruction) {
  MemoryFinding f = by_call(kFindingOutOfBounds, "write", block(24, 24, "live", kPlaceGuard), 24);
  f.found->native = {native("write", "/home/u/codec.so")};
  EXPECT_THAT(of(f).summary, Not(HasSubstr("kernel")));
}

// --- reads of what was never written -------------------------------------------------------------------------------

MemoryFinding unwritten() {
  MemoryFinding f = finding(kFindingUnwritten, block(24, 8, "live", kPlaceInside), 8);
  f.access = "read";
  f.wrong_bytes = 4;
  return f;
}

TEST(UninitialisedRead, ABranchOnUnwrittenBytesIsLikelyWithItsBlock) {
  const Verdict v = of(unwritten());
  EXPECT_EQ(v.verdict_class, "uninitialised-read");
  EXPECT_EQ(v.confidence, Confidence::kLikely);
  EXPECT_THAT(v.summary, HasSubstr("read 4 bytes at byte 8 of the 24-byte tensor allocated at train.py:12 (load)"));
  EXPECT_THAT(v.evidence, Contains(HasSubstr("It was allocated at train.py:12")));
  EXPECT_TRUE(has_alternative(v, "ok"));
}

TEST(UninitialisedRead, AWrongAccessSaysMore) {
  CaseBuilder builder;
  builder.exit(0);
  builder.raw().findings = {unwritten(), by_call(kFindingOutOfBounds, "write", block(24, 24, "live", kPlaceGuard), 24)};
  EXPECT_EQ(builder.verdict().verdict_class, "out-of-bounds-read");
}

TEST(UninitialisedRead, ADeathOfItsOwnIsNotExplainedByIt) {
  CaseBuilder builder;
  builder.signal(SIGSEGV, 1)
      .crashed({native("Kernel::Compute")})
      .fault(0, "read")
      .instruction("mov", "move", {.base = "rbx", .base_value = 0});
  builder.raw().findings = {unwritten()};
  EXPECT_EQ(builder.verdict().verdict_class, "null-pointer");
}

}  // namespace
}  // namespace segwhy
