// Whose memory it was, as it is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/report.h"

namespace segwhy {
namespace {

using testing::HasSubstr;
using testing::Not;

BlockEvent event(int line, const char* kernel, double age_s) {
  BlockEvent e;
  PythonFrame& user = e.python.emplace_back();
  user.file = "/home/u/train.py";
  user.line = line;
  user.function = "load";
  user.origin = "user";
  for (const char* name : {"port::AlignedMalloc", "Tensor::Tensor", kernel}) {
    NativeFrame& frame = e.native.emplace_back();
    frame.function = frame.short_name = name;
    frame.module = "/opt/libkernels.so";
  }
  e.thread = 4250;
  e.age_s = age_s;
  return e;
}

Case past_the_end() {
  Case c;
  c.program.cwd = "/home/u";
  c.program.argv = {"python", "train.py"};
  c.death.kind = "signal";
  c.death.signal = 11;
  Block& b = c.block.emplace();
  b.address = 0x7f0000001fc0;
  b.size = 24;
  b.offset = 28;
  b.kind = "tensor";
  b.state = "live";
  b.place = kPlaceGuard;
  b.allocated = event(12, "PoolOp::Compute", 0.014);
  b.notes = {"It holds input 0 of Pool (float32 [6]); the access is to element 7 of 6."};
  ProtectionSummary& p = c.protection.emplace();
  p.mode = p.requested = "tensors";
  p.blocks = 1200;
  p.bytes = 1 << 20;
  p.unprotected["budget"] = 7;
  p.horizon_s = 3.5;
  return c;
}

std::string text_of(const Case& c, bool verbose = false) {
  Verdict v;
  v.verdict_class = "out-of-bounds-read";
  v.confidence = Confidence::kCertain;
  v.summary = "Too far.";
  TextStyle style;
  style.verbose = verbose;
  style.width = 120;
  return render_text(c, v, style);
}

TEST(BlockSection, SaysDistanceSizeAndWhoAllocatedIt) {
  const std::string text = text_of(past_the_end());
  EXPECT_THAT(text, HasSubstr("4 bytes past the end of the 24-byte tensor at 0x7f0000001fc0"));
  EXPECT_THAT(text, HasSubstr("allocated at train.py:12, in load, by PoolOp::Compute, thread 4250, 14 ms before"));
  EXPECT_THAT(text, HasSubstr("the access is to element 7 of 6"));
  EXPECT_THAT(text, Not(HasSubstr("freed at")));
}

TEST(BlockSection, SaysWhoFreedIt) {
  Case c = past_the_end();
  c.block->state = "freed";
  c.block->offset = -8;
  c.block->freed = event(20, "OtherOp::Compute", 2.0);
  const std::string text = text_of(c);
  EXPECT_THAT(text, HasSubstr("8 bytes before the start of the freed 24-byte tensor"));
  EXPECT_THAT(text, HasSubstr("freed at train.py:20, in load, by OtherOp::Compute, thread 4250, 2 s before"));
}

TEST(BlockSection, SaysWhatWasProtectedAndHowFarBack) {
  const std::string text = text_of(past_the_end());
  EXPECT_THAT(text, HasSubstr("--protect tensors: 1,200 blocks, 1.0 MiB; 7 not: budget"));
  EXPECT_THAT(text, HasSubstr("remembered for 3.5 s"));
}

TEST(BlockSection, AReportThatIsNotAboutMemorySaysNothingOfIt) {
  Case c = past_the_end();
  c.block.reset();
  EXPECT_THAT(text_of(c), Not(HasSubstr("--protect")));
}

TEST(BlockSection, VerboseShowsStacksFindingsAndAccesses) {
  Case c = past_the_end();
  MemoryFinding& f = c.findings.emplace_back();
  f.kind = kFindingWriteBehind;
  f.offset = 24;
  f.wrong_bytes = 4;
  f.expected = "a5";
  f.seen = "00";
  f.late = true;
  f.last_good_age_s = 3;
  f.found_age_s = 1;
  BlockAccess& access = c.accesses.emplace_back();
  access.access = "write";
  access.offset = 24;
  access.width = 4;
  access.wrong = true;
  access.by = event(30, "PoolOp::Compute", 0.001);
  EXPECT_THAT(text_of(c), Not(HasSubstr("write of 4 bytes at offset 24")));
  const std::string text = text_of(c, true);
  EXPECT_THAT(text, HasSubstr("port::AlignedMalloc"));
  EXPECT_THAT(text, HasSubstr("write-behind, offset 24, 4 bytes, a5 became 00, between 3 s and 1 s before the report"));
  EXPECT_THAT(text, HasSubstr("write of 4 bytes at offset 24 (wrong)"));
  EXPECT_THAT(text, HasSubstr("train.py:30"));
}

}  // namespace
}  // namespace segwhy
