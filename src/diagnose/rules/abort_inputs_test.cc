// Which of an op's inputs an abort accuses, and which it leaves alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "diagnose/testing/case_builder.h"

namespace segwhy {
namespace {

using namespace testing_support;  // NOLINT(google-build-using-namespace): a test's vocabulary
using testing::HasSubstr;
using testing::Not;

CaseBuilder aborted(const std::string& text) {
  CaseBuilder b;
  b.abort().said(text).crashed({libc("abort"), native("Op::Compute")});
  return b;
}

TEST(CheckFailed, InputThatHasTheUnwantedNumberOfElements) {
  auto b = aborted("F t.cc:726] Check failed: 1 == NumElements() (1 vs. 2)Must have a one element tensor\n");
  b.op("SobolSample", {tensor("input 0", "int32", {2}, "[1, 0]"), tensor("input 1", "int32", {}, "[4]"),
                       tensor("input 2", "int32", {}, "[0]")});
  EXPECT_THAT(b.verdict().advice, testing::Contains("Look at the inputs first: input 0 has 2 elements (shape [2])."));
  EXPECT_THAT(all_text(b.verdict()), Not(HasSubstr("holds 0")));
}

TEST(CheckFailed, TwoInputsThatHaveTheUnwantedNumberAreBothNamed) {
  auto b = aborted("F t.cc:726] Check failed: 1 == NumElements() (1 vs. 8)Must have a one element tensor\n");
  b.op("SobolSample", {tensor("input 0", "int32", {8}), tensor("input 1", "int32", {2, 4}),
                       tensor("input 2", "int32", {3}, "[-1, 0, 1]")});
  EXPECT_THAT(b.verdict().advice, testing::Contains("Look at the inputs first: input 0 has 8 elements (shape [8]); "
                                                    "input 1 has 8 elements (shape [2, 4])."));
  EXPECT_THAT(all_text(b.verdict()), Not(HasSubstr("holds a negative")));
}

TEST(CheckFailed, InputThatHasTheUnwantedRank) {
  auto b = aborted("F s.cc:45] Check failed: NDIMS == dims() (1 vs. 2)Asking for tensor of 1 dimensions\n");
  b.op("Scatter",
       {tensor("input 0", "float32", {0}), tensor("input 1", "int32", {2, 2}), tensor("input 2", "int64", {})});
  EXPECT_THAT(b.verdict().advice,
              testing::Contains("Look at the inputs first: input 1 has 2 dimensions (shape [2, 2])."));
  EXPECT_THAT(all_text(b.verdict()), Not(HasSubstr("is empty")));
}

TEST(CheckFailed, NumberThatManyInputsHaveAccusesNone) {
  auto b = aborted("F s.cc:45] Check failed: d < dims() (2 vs. 1)\n");
  b.op("Op", {tensor("input 0", "int32", {1}), tensor("input 1", "int32", {2}), tensor("input 2", "int32", {3})});
  EXPECT_THAT(all_text(b.verdict()), Not(HasSubstr("Look at the inputs")));
}

TEST(CheckFailed, ComparisonOfTwoInputsAccusesNone) {
  auto b = aborted("F t.cc:9] Check failed: dims() == other.dims() (1 vs. 2)\n");
  b.op("Op", {tensor("input 0", "int32", {1}), tensor("input 1", "int32", {2, 2})});
  EXPECT_THAT(all_text(b.verdict()), Not(HasSubstr("Look at the inputs")));
}

TEST(CheckFailed, NegativeSizeComesFromTheLargeOrNegativeInput) {
  const auto verdict_of = [](const char* sizes) {
    auto b = aborted("F s.cc:404] Check failed: 0 <= new_num_elements (0 vs. -1)\n");
    b.op("Op", {tensor("input 0", "float32", {0}), tensor("input 1", "int64", {2}, sizes)});
    return b.verdict();
  };
  EXPECT_THAT(verdict_of("[4611686018427387904, 0]").advice,
              testing::Contains(HasSubstr("input 1 holds a very large number")));
  const Verdict product = verdict_of("[4611686018427387904, 4]");
  EXPECT_THAT(product.advice, testing::Contains(HasSubstr("the product of the numbers in input 1 does not fit")));
  EXPECT_THAT(all_text(product), Not(HasSubstr("is empty")));
}

TEST(Abort, InputWithZeroIsNamedWhereNothingElseIsOdd) {
  auto b = aborted("2026-01-01 00:00:00.1: I t.cc:1] oneDNN is on\n");
  b.op("Op", {tensor("input 0", "float32", {2}, "[0, 1]"), tensor("input 1", "int32", {1}, "[0]")});
  EXPECT_THAT(b.verdict().advice, testing::Contains(HasSubstr("first of all: input 1 holds 0 ([0]).")));
  EXPECT_THAT(all_text(b.verdict()), Not(HasSubstr("input 0 holds 0")));
}

TEST(Abort, TwoLinesOfARoutineLogAreNoLastWords) {
  auto b = aborted("2026-01-01 00:00:00.1: I t.cc:1] built for AVX\nTo enable more, rebuild.\n");
  b.op("Op", {tensor("input 1", "int32", {1}, "[0]")});
  EXPECT_THAT(b.verdict().advice, testing::Contains(HasSubstr("first of all: input 1 holds 0 ([0]).")));
}

TEST(Abort, LibrarysLastWordsAreWhatToAvoid) {
  CaseBuilder b;
  b.abort().said("QThread: Destroyed while thread is still running\n").crashed({libc("abort"), native("fatal")});
  EXPECT_THAT(b.verdict().advice, testing::Contains(HasSubstr("Avoid what \"QThread: Destroyed")));
}

TEST(Abort, InputWithZeroIsNotNamedBesideAStrangerOne) {
  auto b = aborted("I t.cc:1] oneDNN is on\n");
  b.op("Op", {tensor("input 0", "int32", {1}, "[-7]"), tensor("input 1", "int32", {1}, "[0]")});
  EXPECT_THAT(b.verdict().advice, testing::Contains(HasSubstr("input 0 holds a negative number")));
  EXPECT_THAT(all_text(b.verdict()), Not(HasSubstr("holds 0")));
}

}  // namespace
}  // namespace segwhy
